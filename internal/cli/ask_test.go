package cli

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/query"
)

// Whatever the format, what is said of an answer that is withheld is there, and
// no row.
func TestPrintAnswer(t *testing.T) {
	const sql = "select count(*)\nfrom orders"
	const rest = `"model_calls":0,"usage":{"prompt_tokens":0,"completion_tokens":0}}` + "\n"
	withheld := &answer.Answer{Status: answer.LowConfidence, Database: "shop", SQL: sql}
	answered := &answer.Answer{Status: answer.Answered, Database: "shop", SQL: sql, Result: &query.Result{
		Columns: []query.Column{{Name: "n", Type: "int8"}}, Rows: json.RawMessage("[[4]]"), RowCount: 1,
	}}
	for _, tt := range []struct {
		format         string
		answer         *answer.Answer
		stdout, stderr string
	}{
		{"table", withheld, "status:     low confidence\nsql:\n  select count(*)\n  from orders\n", ""},
		{"csv", withheld, "", "status:     low confidence\nsql:\n  select count(*)\n  from orders\n"},
		{"json", withheld, `{"status":"low_confidence","database":"shop","sql":"select count(*)\nfrom orders",` + rest, ""},
		{"table", answered, "status:     answered\nsql:\n  select count(*)\n  from orders\n\n n\n---\n 4\n(1 row)\n", ""},
		{"csv", answered, "n\n4\n", "status:     answered\nsql:\n  select count(*)\n  from orders\n"},
		{"json", answered, `{"status":"answered","database":"shop","sql":"select count(*)\nfrom orders","result":{"columns":[{"name":"n","type":"int8"}],"rows":[[4]],"row_count":1},` + rest, ""},
	} {
		var stdout, stderr bytes.Buffer
		if err := (&app{stdout: &stdout, stderr: &stderr}).printAnswer(tt.format, tt.answer); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.stdout, stdout.String()); diff != "" {
			t.Errorf("%s of %s on standard output (-want +got):\n%s", tt.format, tt.answer.Status, diff)
		}
		if diff := cmp.Diff(tt.stderr, stderr.String()); diff != "" {
			t.Errorf("%s of %s on standard error (-want +got):\n%s", tt.format, tt.answer.Status, diff)
		}
	}
}

package cli

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/query"
)

var odd = &query.Result{
	Columns: []query.Column{{Name: "id", Type: "int8"}, {Name: "name", Type: "text"}, {Name: "tags", Type: "text[]"}},
	Rows: json.RawMessage(`[
		["9007199254740993", "Åsa", ["a","b"]],
		[2, "日本", null],
		[3, "", []],
		[4, "two\nlines, \u001b[31mred\u202e", ["x\"y"]]
	]`),
	RowCount: 4,
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	if err := printTable(&out, odd); err != nil {
		t.Fatal(err)
	}
	want := `               id | name                          | tags
------------------+-------------------------------+-----------
 9007199254740993 | Åsa                           | ["a","b"]
                2 | 日本                          | NULL
                3 |                               | []
                4 | two\nlines, \x1b[31mred\u202e | ["x\"y"]
(4 rows)
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestCSV(t *testing.T) {
	var out bytes.Buffer
	if err := printCSV(&out, odd); err != nil {
		t.Fatal(err)
	}
	want := "id,name,tags\n" +
		"9007199254740993,Åsa,\"[\"\"a\"\",\"\"b\"\"]\"\n" +
		"2,日本,\n" +
		"3,\"\",[]\n" +
		"4,\"two\nlines, \x1b[31mred\u202e\",\"[\"\"x\\\"\"y\"\"]\"\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTableSaysWhatIsMissing(t *testing.T) {
	for truncated, want := range map[string]string{
		"":      " n\n---\n 1\n(1 row)\n",
		"rows":  " n\n---\n 1\n(1 row, cut off at the row limit)\n",
		"bytes": " n\n---\n 1\n(1 row, cut off at the size limit)\n",
	} {
		var out bytes.Buffer
		r := &query.Result{Columns: []query.Column{{Name: "n", Type: "int4"}}, Rows: json.RawMessage(`[[1]]`), RowCount: 1, Truncated: truncated}
		if err := printTable(&out, r); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("truncated %q: %s", truncated, diff)
		}
	}
}

package answer

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/pgmcp/pgmcp/internal/query"
)

// Rows stand as data on lines that nothing in them can imitate.
func TestSample(t *testing.T) {
	rows := [][]any{{1, nil, true, "Ann"}, {json.Number("9007199254740993"), "a\nb\u202e\u200bc\x00", []any{"x", 1}, strings.Repeat("long ", 50)}}
	for range 10 {
		rows = append(rows, []any{2, "", false, ""})
	}
	b, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	text, err := sampleText(&query.Result{Rows: b}, "Who?", "select 1")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(text, "\n")
	mark := regexp.MustCompile(`after the mark ([0-9a-f]{8})\.`).FindStringSubmatch(lines[2])
	if mark == nil || len(lines) != 3+sampleRows {
		t.Fatalf("text %q", text)
	}
	for i, want := range []string{
		`[1, null, true, "Ann"]`,
		`[9007199254740993, "a bc", "[\"x\",1]", "long long long long long long long long long long long long lon…"]`,
		`[2, "", false, ""]`,
	} {
		if got := lines[3+i]; got != mark[1]+" "+want {
			t.Errorf("row %d: %s, want %s", i, got, want)
		}
	}
	other, err := sampleText(&query.Result{Rows: json.RawMessage(strings.Replace(string(b), "Ann", mark[1], 1))}, "Who?", "select 1")
	if err != nil || strings.Contains(strings.ReplaceAll(other, `"`+mark[1]+`"`, ""), mark[1]) {
		t.Errorf("data that knows the mark keeps it: %v %s", err, other)
	}
	if _, err := sampleText(&query.Result{Rows: json.RawMessage(`{`)}, "", ""); err == nil {
		t.Error("no rows are read")
	}
}

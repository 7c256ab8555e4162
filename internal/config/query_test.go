package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const queries = `// About orders.
queries: orders: {
	questions: ["Orders of {id}"]
	parameters: id: type: "int"
	sql: """
		select 'é' as e
		  from orders

		where id = {id}
		"""
}
queries: {
	"flat": {questions: ["Flat"], sql: "select é"}
	escaped: {questions: ["Escaped"], sql: "select \t1"}
	raw: {questions: ["Raw"], sql: #"select 1"#}
	made: {questions: ["Made"], sql: "select " + "1"}
}
`

func readQueries(t *testing.T) (*Source, *Config) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"conf/config.cue":       `databases: shop: {url: env: "SHOP_URL", verified: "queries/shop.cue"}`,
		"conf/queries/shop.cue": queries,
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Read("conf/config.cue")
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Config()
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func TestQueries(t *testing.T) {
	_, c := readQueries(t)
	want := Query{
		Questions:  []string{"Orders of {id}"},
		Parameters: map[string]Parameter{"id": {Type: "int", Values: []string{}}},
		SQL:        "select 'é' as e\n  from orders\n\nwhere id = {id}",
	}
	if d := cmp.Diff(want, c.Databases["shop"].Queries["orders"]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if n := len(c.Databases["shop"].Queries); n != 5 {
		t.Errorf("%d queries", n)
	}
}

// A place in the SQL is one in the file, in bytes as editors count CUE's columns.
func TestQueryProblem(t *testing.T) {
	s, _ := readQueries(t)
	for _, tt := range []struct {
		query, field string
		position     int
		line, column int
	}{
		{"orders", "sql", 0, 5, 2},
		{"orders", "sql", 1, 6, 3},
		{"orders", "sql", 12, 6, 15}, // behind the é
		{"orders", "sql", 16, 6, 19},
		{"orders", "sql", 17, 7, 3},
		{"orders", "sql", 32, 9, 3},
		{"orders", "sql", 47, 9, 18},
		{"orders", "questions", 0, 3, 2},
		{"flat", "sql", 9, 13, 47},
		{"escaped", "sql", 9, 14, 41},
		{"raw", "sql", 8, 15, 33},
		{"made", "sql", 8, 16, 30},
	} {
		got := s.QueryProblem("shop", "is wrong", "mend it", tt.position, "queries", tt.query, tt.field)
		want := Problem{filepath.FromSlash("conf/queries/shop.cue"), tt.line, tt.column, "queries." + tt.query + "." + tt.field, "is wrong", "mend it", false}
		if got != want {
			t.Errorf("%s.%s at %d:\ngot  %v\nwant %v", tt.query, tt.field, tt.position, got, want)
		}
	}
}

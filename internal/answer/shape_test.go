package answer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/query"
)

func TestShape(t *testing.T) {
	one := []query.Column{{Name: "n", Type: "int8"}}
	two := []query.Column{{Name: "name", Type: "text"}, {Name: "name", Type: "numeric"}}
	tests := []struct {
		name      string
		columns   []query.Column
		rows      string
		truncated string
		want      string
		zero      bool
		allNull   bool
	}{
		{"none", one, `[]`, "", "rows: 0\ncolumn \"n\" int8", false, false},
		{"zero", one, `[[0]]`, "", "rows: 1\ncolumn \"n\" int8", true, false},
		{"zero as text", one, `[["0.00"]]`, "", "rows: 1\ncolumn \"n\" int8", true, false},
		{"number", one, `[[12]]`, "", "rows: 1\ncolumn \"n\" int8", false, false},
		{"text", one, `[["zero"]]`, "", "rows: 1\ncolumn \"n\" int8", false, false},
		{"null", one, `[[null]]`, "", "rows: 1\ncolumn \"n\" int8, NULL in 1 rows", false, true},
		{"the word null", one, `[["null"]]`, "", "rows: 1\ncolumn \"n\" int8", false, false},
		{"two columns", two, `[["a",null],["b",1],[null,null]]`, "", "rows: 3\ncolumn \"name\" text, NULL in 1 rows\ncolumn \"name\" numeric, NULL in 2 rows", false, false},
		{"all null", two, `[[null,null],[null,null]]`, "", "rows: 2\ncolumn \"name\" text, NULL in 2 rows\ncolumn \"name\" numeric, NULL in 2 rows", false, true},
		{"nested", two, `[[[null,[null]],{"a":null}]]`, "", "rows: 1\ncolumn \"name\" text\ncolumn \"name\" numeric", false, false},
		{"cut off", one, `[[1],[2]]`, "bytes", "rows: 2, and more that were cut off\ncolumn \"n\" int8", false, false},
		{"no columns", nil, `[[],[]]`, "", "rows: 2", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var rows []any
			json.Unmarshal([]byte(tt.rows), &rows)
			s, err := shapeOf(&query.Result{Columns: tt.columns, Rows: json.RawMessage(tt.rows), RowCount: len(rows), Truncated: tt.truncated})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, s.String()); d != "" {
				t.Errorf("shape (-want +got):\n%s", d)
			}
			if s.zero != tt.zero || s.allNull() != tt.allNull {
				t.Errorf("zero %v, all NULL %v", s.zero, s.allNull())
			}
		})
	}
	for _, rows := range []string{``, `[[1]`, `[1]`, `{}`} {
		if _, err := shapeOf(&query.Result{Columns: one, Rows: json.RawMessage(rows)}); err == nil {
			t.Errorf("rows %q make a shape", rows)
		}
	}
}

// Whatever text is in the rows, the judge is asked the same, byte for byte.
func TestJudgeSeesNoValue(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	alphabet := []rune("aZ09 \n\t\"'\\,[]{}<>|:-–üλ語🙂\u202e\u0000null")
	text := func() string {
		var b strings.Builder
		for range random.IntN(40) {
			b.WriteRune(alphabet[random.IntN(len(alphabet))])
		}
		return b.String()
	}
	for range 500 {
		columns, nulls := 1+random.IntN(4), random.IntN(3)
		row := func() []any {
			cells := make([]any, columns)
			for i := range cells {
				if i != nulls {
					cells[i] = text()
				}
			}
			return cells
		}
		count := random.IntN(5)
		request := func() []byte {
			r := query.Result{RowCount: count}
			for i := range columns {
				r.Columns = append(r.Columns, query.Column{Name: fmt.Sprint("c", i), Type: "text"})
			}
			rows := [][]any{}
			for range count {
				rows = append(rows, row())
			}
			r.Rows, _ = json.Marshal(rows)
			looks, err := shapeOf(&r)
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(verdictRequest("m", examined{question: "What is there?", part: "table public.t\n", sql: "select * from t", looks: looks}))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		if a, b := request(), request(); !bytes.Equal(a, b) {
			t.Fatalf("two requests differ:\n%s\n%s", a, b)
		}
	}
}

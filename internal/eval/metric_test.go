package eval

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pgmcp/pgmcp/internal/query"
)

// result is a result with columns of these types and these rows, as JSON.
func result(types, rows string) *query.Result {
	r := &query.Result{Rows: json.RawMessage(rows)}
	for typ := range strings.FieldsSeq(types) {
		r.Columns = append(r.Columns, query.Column{Name: "c", Type: typ})
	}
	return r
}

func TestCompare(t *testing.T) {
	const (
		all    = "execution strict bird"
		none   = ""
		tables = `[["a",1],["b",2],["b",2]]`
	)
	for _, tt := range []struct {
		name    string
		gold    *query.Result
		given   *query.Result
		ordered bool
		want    string
	}{
		{"the same", result("text int4", tables), result("text int4", tables), true, all},
		{"other order", result("text int4", tables), result("text int4", `[["b",2],["a",1],["b",2]]`), false, all},
		{"other order where it counts", result("text int4", tables), result("text int4", `[["b",2],["a",1],["b",2]]`), true, "bird"},
		{"duplicates in another place", result("int4", `[[1],[2],[1]]`), result("int4", `[[1],[1],[2]]`), true, "execution bird"},
		{"a duplicate less", result("text int4", tables), result("text int4", `[["a",1],["b",2]]`), false, "execution bird"},
		{"as many rows, other duplicates", result("text int4", tables), result("text int4", `[["a",1],["a",1],["b",2]]`), false, "execution bird"},
		{"a row less", result("text int4", tables), result("text int4", `[["b",2],["b",2]]`), false, none},
		{"a row more", result("int4", `[[1]]`), result("int4", `[[1],[2]]`), false, none},
		{"columns swapped", result("text int4", tables), result("int4 text", `[[1,"a"],[2,"b"],[2,"b"]]`), false, "execution strict"},
		{"a column more", result("text int4", tables), result("text text int4", `[["x","a",1],["y","b",2],["y","b",2]]`), false, "execution"},
		{"a column less", result("text int4", tables), result("text", `[["a"],["b"],["b"]]`), false, none},
		{"values in the wrong rows", result("int4 int4", `[[1,1],[2,2]]`), result("int4 int4", `[[1,2],[2,1]]`), false, none},
		// Both columns of the gold hold {1,2}: the second candidate is the right one.
		{"columns with equal values", result("int4 int4", `[[1,2],[2,1]]`), result("int4 int4 int4", `[[1,1,2],[2,2,1]]`), false, "execution"},
		{"a column cannot be used twice", result("int4 int4", `[[1,1]]`), result("int4", `[[1]]`), false, none},

		{"both empty", result("int4", `[]`), result("text int4", `[]`), false, "execution bird"},
		{"both empty, as many columns", result("int4", `[]`), result("text", `[]`), true, all},
		{"empty for one row", result("int4", `[[0]]`), result("int4", `[]`), false, none},
		{"empty for NULL", result("int4", `[[null]]`), result("int4", `[]`), false, none},
		{"a row for empty", result("int4", `[]`), result("int4", `[[1]]`), false, none},
		{"NULL is NULL", result("int4", `[[null]]`), result("text", `[[null]]`), false, all},
		{"NULL is not empty text", result("text", `[[null]]`), result("text", `[[""]]`), false, none},

		{"int and numeric", result("int4", `[[3]]`), result("numeric", `[["3.00"]]`), false, all},
		{"int8 beyond 2^53", result("int8", `[["9007199254740993"]]`), result("numeric", `[["9007199254740993"]]`), false, all},
		// 0.3333333 and 0.33333334 are both 0.333333 to six digits.
		{"float and numeric", result("float8", `[[0.3333333]]`), result("numeric", `[["0.33333334"]]`), false, "execution strict"},
		// 100.001 and 100.002 are six digits apart.
		{"different in the sixth digit", result("float8", `[[100.001]]`), result("float8", `[[100.002]]`), false, none},
		{"minus zero", result("float8", `[[-0]]`), result("int4", `[[0]]`), false, all[:len("execution strict")]},
		{"NaN", result("float8", `[["NaN"]]`), result("numeric", `[["NaN"]]`), false, all},
		{"infinite", result("float8", `[["Infinity"]]`), result("float8", `[["-Infinity"]]`), false, none},
		{"text is no number", result("text", `[["3"]]`), result("int4", `[[3]]`), false, none},
		{"bool is no number", result("bool", `[[true]]`), result("int4", `[[1]]`), false, none},
		{"char(n)", result("bpchar", `[["DE  "]]`), result("text", `[["DE"]]`), false, "execution strict"},
		{"case counts", result("text", `[["de"]]`), result("text", `[["DE"]]`), false, none},
		{"midnight is the date", result("timestamptz", `[["2026-01-02T00:00:00Z"]]`), result("date", `[["2026-01-02"]]`), false, "execution strict"},
		{"a time is not", result("timestamptz", `[["2026-01-02T00:00:01Z"]]`), result("date", `[["2026-01-02"]]`), false, none},
		{"with and without time zone", result("timestamptz", `[["2026-01-02T03:04:05Z"]]`), result("timestamp", `[["2026-01-02T03:04:05"]]`), false, "execution strict"},
		{"text that looks like a date", result("text", `[["2026-01-02"]]`), result("date", `[["2026-01-02"]]`), false, "bird"},
		// 1 day 2 h 3 min 4.5 s = 86400 + 7200 + 180 + 4.5 = 93784.5 s.
		{"interval in seconds", result("interval", `[["P1DT2H3M4.5S"]]`), result("numeric", `[["93784.5"]]`), false, "execution strict"},
		// 1 year 1 month = 365.25 days + 30 days = 34149600 s, as extract(epoch …) says.
		{"interval with months", result("interval", `[["P1Y1M"]]`), result("float8", `[[34149600]]`), false, "execution strict"},
		{"interval below zero", result("interval", `[["PT-30M"]]`), result("int4", `[[-1800]]`), false, "execution strict"},
		{"arrays", result("int4[]", `[[[1,2]]]`), result("numeric[]", `[[["1.0","2"]]]`), false, "execution strict"},
		{"arrays in another order", result("int4[]", `[[[1,2]]]`), result("int4[]", `[[[2,1]]]`), false, none},
		{"arrays of text that holds a separator", result("text[]", `[[["a b","c"]]]`), result("text[]", `[[["a","b c"]]]`), false, none},
		{"JSON by its keys", result("jsonb", `[[{"a":1,"b":[2]}]]`), result("json", `[[{"b":[2],"a":1}]]`), false, "execution strict"},
		{"a JSON number", result("jsonb", `[[7]]`), result("int4", `[[7]]`), false, all},
	} {
		m, err := Compare([]*query.Result{tt.gold}, tt.given, tt.ordered)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := words(m); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func words(m Match) string {
	var all []string
	for _, w := range []struct {
		name string
		is   bool
	}{{"execution", m.Execution}, {"strict", m.Strict}, {"bird", m.BIRD}} {
		if w.is {
			all = append(all, w.name)
		}
	}
	return strings.Join(all, " ")
}

// Any gold will do, but for BIRD, which knows only one.
func TestCompareAlternatives(t *testing.T) {
	m, err := Compare([]*query.Result{result("int4", `[[1]]`), result("int4 int4", `[[2,3]]`)}, result("int4 int4", `[[3,2]]`), false)
	if err != nil || words(m) != "execution strict" {
		t.Errorf("the second: %q, %v", words(m), err)
	}
	m, err = Compare([]*query.Result{result("int4", `[[1]]`), result("int4", `[[2]]`)}, result("int4", `[[1]]`), false)
	if err != nil || words(m) != "execution strict bird" {
		t.Errorf("the first: %q, %v", words(m), err)
	}
}

// Columns that all hold the same can be mapped in very many ways; the search ends.
func TestCompareManyEqualColumns(t *testing.T) {
	types := strings.Repeat("int4 ", 14)
	var gold, given [][]int
	for i := range 14 {
		var row, other []int
		for j := range 14 {
			row, other = append(row, (i+j)%14), append(other, (i*j+i+3*j)%14)
		}
		gold, given = append(gold, row), append(given, other)
	}
	encode := func(rows [][]int) string { b, _ := json.Marshal(rows); return string(b) }
	if _, err := Compare([]*query.Result{result(types, encode(gold))}, result(types, encode(given)), false); err != nil {
		t.Error(err)
	}
}

func TestCompareWrongRows(t *testing.T) {
	for _, rows := range []string{`{}`, `[[1,2]]`} {
		if _, err := Compare([]*query.Result{result("int4", `[[1]]`)}, result("int4", rows), false); err == nil {
			t.Errorf("%s is taken for rows of one column", rows)
		}
	}
}

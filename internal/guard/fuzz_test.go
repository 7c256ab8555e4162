package guard

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// FuzzCheck looks for statements that the guard cannot judge, or judges otherwise
// inside another statement.
func FuzzCheck(f *testing.F) {
	p := practice(f)
	for _, folder := range []string{"allowed", "refused"} {
		for _, file := range caseFiles(f, folder) {
			for _, c := range readCases(f, file) {
				f.Add(c.statement())
			}
		}
	}
	f.Fuzz(func(t *testing.T, sql string) {
		s, refusal := verdict(t, sql, p)
		if refusal != nil {
			if refusal.Code == Internal {
				t.Errorf("Check(%q) gave up", sql)
			}
			if refusal.Position < 0 || refusal.Position > len(sql)+1 {
				t.Errorf("Check(%q): position %d is not in the text", sql, refusal.Position)
			}
			return
		}
		if s.SQL() != sql {
			t.Errorf("Check(%q) approved %q", sql, s.SQL())
		}
		for _, blocked := range []string{"iban", "pin_hash"} {
			if strings.Contains(strings.Join(s.Reads().Columns, " "), "clinic.owners."+blocked) {
				t.Errorf("Check(%q) approved reading %s", sql, blocked)
			}
		}
		if s.Explain() || strings.Contains(sql, ";") {
			return
		}
		again, refusal := verdict(t, "SELECT 1 FROM (\n"+sql+"\n) AS wrapped", p)
		if refusal != nil {
			if refusal.Code != TooLong {
				t.Errorf("Check(%q) approved what it refuses in a subquery: %v", sql, refusal)
			}
		} else if diff := cmp.Diff(s.Reads(), again.Reads()); diff != "" {
			t.Errorf("Check(%q): other reads in a subquery:\n%s", sql, diff)
		}
	})
}

// FuzzScanner compares the scanner of the text gate with the parser's own: it
// must never see fewer operators or brackets, by which the gate measures.
func FuzzScanner(f *testing.F) {
	for _, folder := range []string{"allowed", "refused"} {
		for _, file := range caseFiles(f, folder) {
			for _, c := range readCases(f, file) {
				f.Add(c.statement())
			}
		}
	}
	for _, sql := range []string{`e'\'' + 1`, `$a$ $b$ $a$ + $1`, "1--\n+2", "a/*/**/*/+b", `u&"+" + U&'+'`, "1+-2 !=- 3 @-4", "a$b$+$b$", "1.5e+3+.5", "x'f'+b'1'"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		if len(sql) > 4096 || strings.IndexByte(sql, 0) >= 0 {
			return
		}
		scanned, err := pg_query.Scan(sql)
		if err != nil {
			return
		}
		want := map[tokenKind]int{}
		for _, token := range scanned.Tokens {
			if kind, ok := kindOfToken(token.Token); ok {
				want[kind]++
			}
		}
		got := map[tokenKind]int{}
		for s := (scanner{text: sql}); s.next(); {
			got[s.kind]++
		}
		for kind, n := range want {
			if got[kind] < n {
				t.Errorf("%q: the scanner sees %d tokens of kind %d, the parser %d", sql, got[kind], kind, n)
			}
		}
	})
}

func kindOfToken(token pg_query.Token) (tokenKind, bool) {
	switch token {
	case pg_query.Token_ASCII_40, pg_query.Token_ASCII_91:
		return openToken, true
	case pg_query.Token_ASCII_41, pg_query.Token_ASCII_93:
		return closeToken, true
	case pg_query.Token_ASCII_37, pg_query.Token_ASCII_42, pg_query.Token_ASCII_43, pg_query.Token_ASCII_45,
		pg_query.Token_ASCII_47, pg_query.Token_ASCII_60, pg_query.Token_ASCII_61, pg_query.Token_ASCII_62,
		pg_query.Token_ASCII_94, pg_query.Token_Op, pg_query.Token_TYPECAST, pg_query.Token_LESS_EQUALS,
		pg_query.Token_GREATER_EQUALS, pg_query.Token_NOT_EQUALS, pg_query.Token_EQUALS_GREATER, pg_query.Token_COLON_EQUALS:
		return operatorToken, true
	}
	return 0, false
}

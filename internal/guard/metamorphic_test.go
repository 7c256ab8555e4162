package guard

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// wrappings put a statement inside another, which reads what it reads.
var wrappings = map[string]string{
	"subquery":      "SELECT 1 FROM (\n%\n) AS wrapped",
	"lateral":       "SELECT 1 FROM (SELECT 1) AS one, LATERAL (\n%\n) AS wrapped",
	"with":          "WITH wrapped AS (\n%\n) SELECT 1 FROM wrapped",
	"with unused":   "WITH wrapped AS MATERIALIZED (\n%\n) SELECT 1",
	"inner with":    "SELECT 1 FROM (WITH wrapped AS (\n%\n) TABLE wrapped) AS again",
	"recursive":     "WITH RECURSIVE wrapped AS (\n%\n) SELECT 1 FROM wrapped",
	"exists":        "SELECT EXISTS (\n%\n)",
	"condition":     "SELECT 1 WHERE NOT EXISTS (\n%\n)",
	"arms":          "(\n%\n) UNION ALL (\n%\n)",
	"case":          "SELECT CASE WHEN EXISTS (\n%\n) THEN 1 END",
	"order":         "SELECT 1 ORDER BY EXISTS (\n%\n)",
	"limit":         "SELECT 1 LIMIT CASE WHEN EXISTS (\n%\n) THEN 1 END",
	"window":        "SELECT sum(1) OVER (PARTITION BY EXISTS (\n%\n))",
	"filter":        "SELECT count(*) FILTER (WHERE EXISTS (\n%\n))",
	"join":          "SELECT 1 FROM (SELECT 1) AS one JOIN (SELECT 2) AS two ON EXISTS (\n%\n)",
	"values":        "VALUES (EXISTS (\n%\n))",
	"explain":       "EXPLAIN (COSTS OFF) %",
	"brackets":      "((\n%\n))",
	"function":      "SELECT coalesce(NULL, EXISTS (\n%\n))",
	"group":         "SELECT 1 GROUP BY EXISTS (\n%\n)",
	"xml":           "SELECT xmlelement(name x, EXISTS (\n%\n))",
	"correlated":    "SELECT (SELECT EXISTS (\n%\n)) FROM (SELECT 1) AS one",
	"in from":       "SELECT 1 FROM generate_series(1, CASE WHEN EXISTS (\n%\n) THEN 1 END) AS series",
	"distinct from": "SELECT EXISTS (\n%\n) IS DISTINCT FROM true",
}

// TestWrapping shows that a verdict does not depend on where a query stands.
func TestWrapping(t *testing.T) {
	p := practice(t)
	for _, folder := range []string{"allowed", "refused"} {
		for _, file := range caseFiles(t, folder) {
			for _, c := range readCases(t, file) {
				sql := strings.Trim(c.statement(), "; \n")
				s, refusal := verdict(t, sql, p)
				if (refusal == nil) != (folder == "allowed") || s.Explain() {
					continue
				}
				for name, wrapping := range wrappings {
					wrapped := strings.ReplaceAll(wrapping, "%", sql)
					got, again := verdict(t, wrapped, p)
					if (refusal == nil) != (again == nil) || refusal != nil && refusal.Code != again.Code && !wrappingTells(refusal.Code) && again.Code != Syntax {
						t.Errorf("%s: %s\nwas %v, is now %v", name, wrapped, refusal, again)
						continue
					}
					if diff := cmp.Diff(named(s), named(got)); refusal == nil && diff != "" {
						t.Errorf("%s: %s\n%s", name, wrapped, diff)
					}
				}
			}
		}
	}
}

// wrappingTells reports whether a refusal may be for another reason once the
// statement is wrapped: it is no query then, which the grammar finds first.
func wrappingTells(c Code) bool {
	switch c {
	case Syntax, NotReadOnly, NotOneStatement, ExplainNotAllowed, TooLong, BadText:
		return true
	}
	return false
}

// named are the reads that a wrapping does not add to.
func named(s Statement) Reads {
	r := s.Reads()
	r.Functions = slices.DeleteFunc(slices.Clone(r.Functions), func(f string) bool {
		return f == "pg_catalog.sum" || f == "pg_catalog.count" || f == "pg_catalog.generate_series"
	})
	return r
}

// TestSpelling shows that a verdict does not depend on case, quotes, comments and space.
func TestSpelling(t *testing.T) {
	p := practice(t)
	for _, folder := range []string{"allowed", "refused"} {
		for _, file := range caseFiles(t, folder) {
			for _, c := range readCases(t, file) {
				sql := c.statement()
				s, refusal := verdict(t, sql, p)
				if refusal != nil && (refusal.Code == Syntax || refusal.Code == BadText) || strings.Contains(sql, "U&") {
					continue // no tokens, or some whose ends the parser's scanner does not tell
				}
				for name, respelled := range respell(t, sql) {
					got, again := verdict(t, respelled, p)
					if (refusal == nil) != (again == nil) || refusal != nil && refusal.Code != again.Code {
						t.Errorf("%s: %s\nwas %v, is now %v", name, respelled, refusal, again)
					}
					if diff := cmp.Diff(s.Reads(), got.Reads()); diff != "" {
						t.Errorf("%s: %s\n%s", name, respelled, diff)
					}
				}
			}
		}
	}
}

// respell writes a statement's tokens in other ways that mean the same.
func respell(t *testing.T, sql string) map[string]string {
	t.Helper()
	scanned, err := pg_query.Scan(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var upper, quoted, spaced, commented strings.Builder
	end := int32(0)
	for i, token := range scanned.Tokens {
		text := sql[token.Start:token.End]
		if token.Token == pg_query.Token_SQL_COMMENT || token.Token == pg_query.Token_C_COMMENT {
			continue
		}
		word := isIdentStart(text[0]) && !strings.ContainsAny(text, `'"`)
		space := ""
		if end != 0 && end != token.Start {
			space = " "
		}
		end = token.End
		upper.WriteString(space)
		quoted.WriteString(space)
		if word {
			upper.WriteString(strings.ToUpper(text))
		} else {
			upper.WriteString(text)
		}
		if word && token.KeywordKind == pg_query.KeywordKind_NO_KEYWORD && !isSpecial(sql[token.End:]) {
			quoted.WriteString(`"` + strings.ToLower(text) + `"`)
		} else {
			quoted.WriteString(text)
		}
		if space != "" {
			spaced.WriteString("\n\t \r\n")
			commented.WriteString(" ")
			if i < maxComments/3 {
				commented.WriteString("/* one /* and */ */-- another\n")
			}
		}
		spaced.WriteString(text)
		commented.WriteString(text)
	}
	return map[string]string{"upper case": upper.String(), "quotes": quoted.String(), "space": spaced.String(), "comments": commented.String()}
}

// isSpecial reports whether what follows makes a word part of the grammar: the
// field in extract(year FROM …), say.
func isSpecial(rest string) bool { return strings.HasPrefix(strings.TrimSpace(rest), "FROM") }

package guard

import (
	"strings"
	"sync"
	"testing"

	"github.com/pgmcp/pgmcp/internal/policy"
)

func TestStatement(t *testing.T) {
	p := practice(t)
	const sql = " SELECT name FROM pets WHERE id = 1; "
	s, refusal := verdict(t, sql, p)
	if refusal != nil {
		t.Fatal(refusal)
	}
	if s.SQL() != sql || s.Explain() || s.Policy() != p {
		t.Errorf("SQL %q, Explain %v, Policy %p; want the text as it was, false, %p", s.SQL(), s.Explain(), s.Policy(), p)
	}
	if s, _ := verdict(t, "EXPLAIN "+sql, p); !s.Explain() {
		t.Error("EXPLAIN is not told")
	}

	refused, refusal := verdict(t, "SELECT iban FROM owners", p)
	if refusal == nil || refused.SQL() != "" || refused.Policy() != nil {
		t.Errorf("a refused statement is %+v", refused)
	}
}

// TestMistakesRefuse shows that a mistake of the guard's own is a refusal: this policy
// has no catalog.
func TestMistakesRefuse(t *testing.T) {
	p := &policy.Policy{Limits: practice(t).Limits}
	if _, refusal := verdict(t, "SELECT name FROM pets", p); refusal == nil || refusal.Code != Internal {
		t.Errorf("%v, want %s", refusal, Internal)
	}
}

func TestExplainCanBeForbidden(t *testing.T) {
	p := practice(t)
	p.AllowExplain = false
	if _, refusal := verdict(t, "EXPLAIN SELECT 1", p); refusal == nil || refusal.Code != ExplainNotAllowed {
		t.Errorf("EXPLAIN: %v, want %s", refusal, ExplainNotAllowed)
	}
}

// TestBounds finds the last statement that the text gate admits and the first that it refuses.
func TestBounds(t *testing.T) {
	limits := policy.Limits{MaxStatementSize: 8 << 10, MaxTokens: 3000}
	tests := []struct {
		name  string
		shape func(n int) string
		most  int
	}{
		{"bytes", func(n int) string { return "SELECT '" + strings.Repeat("x", n-9) + "'" }, 8 << 10},
		{"operators", func(n int) string { return "SELECT 1" + strings.Repeat("+1", n) }, maxOperators},
		{"operators in another operand", func(n int) string { return "SELECT 1" + strings.Repeat("+1", n) + ", 1+1" }, maxOperators},
		{"operators around brackets", func(n int) string { return "SELECT (1" + strings.Repeat("+1", n-1) + ")" }, maxOperators},
		{"operators behind doubled quotes", func(n int) string { return "SELECT 'it''s'" + strings.Repeat("+1", n) }, maxOperators},
		{"operators that are words", func(n int) string { return "SELECT 1" + strings.Repeat(" ISNULL", n) }, maxOperators},
		{"operators around BETWEEN", func(n int) string { return "SELECT 1" + strings.Repeat(" BETWEEN 1 AND NOT 1", n/2) }, maxOperators},
		{"operators around keywords that are names", func(n int) string { return "SELECT a.from" + strings.Repeat("+a.or", n) + "+values" }, maxOperators - 1},
		{"operators before a label", func(n int) string {
			return "SELECT (" + strings.Repeat("@ ", 7) + "(SELECT " + strings.Repeat("@ ", n-10) + "1 case) end)"
		}, maxOperators},
		{"brackets", func(n int) string { return "SELECT " + strings.Repeat("(", n) + "1" }, maxNesting - 1},
		{"cases", func(n int) string { return "SELECT " + strings.Repeat("CASE WHEN ", n) + "1" }, maxNesting - 1},
		{"joins", func(n int) string { return "SELECT 1 FROM a" + strings.Repeat(" JOIN b ON true", n) }, maxJoins},
		{"set operations", func(n int) string { return "SELECT 1" + strings.Repeat(" UNION SELECT 1", n) }, maxJoins},
		{"function bodies", func(n int) string {
			return strings.Repeat("CREATE FUNCTION f() BEGIN ATOMIC ", n) + strings.Repeat("END;", n)
		}, maxJoins},
		{"comments", func(n int) string { return "SELECT 1" + strings.Repeat("/**/", n) }, maxComments},
		{"nested comments", func(n int) string { return "SELECT 1" + strings.Repeat("/*", n) + strings.Repeat("*/", n) }, maxComments},
		{"line comments", func(n int) string { return "SELECT 1" + strings.Repeat("--\n", n) }, maxComments},
		{"tokens", func(n int) string { return "SELECT " + strings.Repeat("1,", n/2-1) + "1" }, 3000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if refusal := checkText(tt.shape(tt.most), limits); refusal != nil {
				t.Errorf("%d are refused: %v", tt.most, refusal)
			}
			if refusal := checkText(tt.shape(tt.most+2), limits); refusal == nil || refusal.Code != TooLong {
				t.Errorf("%d are admitted: %v", tt.most+2, refusal)
			}
		})
	}
}

// TestWordsOfExpressions shows of each keyword whether it adds to an expression, or
// ends one, so that the next begins anew.
func TestWordsOfExpressions(t *testing.T) {
	limits := policy.Limits{MaxStatementSize: 8 << 10, MaxTokens: 3000}
	for _, word := range strings.Fields("NOT IS ISNULL NOTNULL COLLATE AT LIKE ILIKE SIMILAR IN OVERLAPS ESCAPE BETWEEN") {
		if refusal := checkText("SELECT 1"+strings.Repeat(" "+word, maxOperators), limits); refusal != nil {
			t.Errorf("%s: %v", word, refusal)
		}
		if checkText("SELECT 1"+strings.Repeat(" "+word, maxOperators+1), limits) == nil {
			t.Errorf("%s adds nothing", word)
		}
	}
	const long = maxOperators * 3 / 4
	for _, word := range strings.Fields(", AND OR WHEN THEN ELSE SELECT FROM WHERE ON USING GROUP HAVING WINDOW ORDER LIMIT OFFSET FETCH UNION INTERSECT EXCEPT") {
		if refusal := checkText("SELECT 1"+strings.Repeat("+1", long)+" "+word+" 1"+strings.Repeat("+1", long), limits); refusal != nil {
			t.Errorf("%s ends nothing: %v", word, refusal)
		}
	}
	if refusal := checkText("SELECT 1 BETWEEN 1 AND 1"+strings.Repeat("+1", long)+" AND 1"+strings.Repeat("+1", long), limits); refusal != nil {
		t.Errorf("the AND behind a BETWEEN's ends nothing: %v", refusal)
	}
	for _, words := range []string{"IS DISTINCT FROM", "WITHIN GROUP", "a.group", "BETWEEN 1 AND"} {
		if checkText("SELECT 1"+strings.Repeat("+1", long)+" "+words+" 1"+strings.Repeat("+1", long), limits) == nil {
			t.Errorf("%s ends an expression", words)
		}
	}
}

// TestBoundsLeaveRoom shows that long statements that people do write pass.
func TestBoundsLeaveRoom(t *testing.T) {
	for name, sql := range map[string]string{
		"a long list":       "SELECT 1 WHERE 1 IN (1" + strings.Repeat(", 2", 1900) + ")",
		"many conditions":   "SELECT 1 WHERE 1 = 1" + strings.Repeat(" AND 2 < 3 OR 4 > 3", 300),
		"a long CASE":       "SELECT CASE" + strings.Repeat(" WHEN 1 = 2 THEN 'x'", 300) + " END",
		"many sums":         "SELECT 1" + strings.Repeat(", sum(1 + 2) / count(*)", 200),
		"values":            "VALUES (1, 'a')" + strings.Repeat(", (2, 'b')", 500),
		"many CASEs":        "SELECT 1" + strings.Repeat(", CASE WHEN 1 = 2 THEN 3 END", 250),
		"a long number":     "SELECT 0." + strings.Repeat("1", 5000),
		"text with symbols": "SELECT '" + strings.Repeat("((((+-*/", 1000) + "'",
	} {
		if refusal := checkText(sql, practice(t).Limits); refusal != nil {
			t.Errorf("%s: %v", name, refusal)
		}
	}
}

func TestCheckIsSafeForConcurrentUse(t *testing.T) {
	p := practice(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, sql := range []string{"SELECT * FROM pets", "SELECT * FROM owners", "SELECT v = 'x' FROM visits v"} {
				Check(sql, p)
			}
		})
	}
	all.Wait()
}

func TestFingerprint(t *testing.T) {
	a, b := Fingerprint("select name from t where id = 1"), Fingerprint("SELECT name\nFROM t WHERE id = 22 -- ours")
	if a != b || len(a) != 16 {
		t.Errorf("%q and %q differ in literals only", a, b)
	}
	if c := Fingerprint("select name from t where id not/**/in (1)"); c == "" || c != Fingerprint("select name from t where id not in (2)") {
		t.Errorf("a comment between words: %q", c)
	}
	if c := Fingerprint("select name from t where name = 1"); c == a {
		t.Error("the same for another statement")
	}
	for _, sql := range []string{"", "select from where", "select " + strings.Repeat("1+", 10_000) + "1", strings.Repeat(" ", 1<<20)} {
		if got := Fingerprint(sql); got != "" && sql != "" {
			t.Errorf("%.20q: %s", sql, got)
		}
	}
}

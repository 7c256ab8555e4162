package catalog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree is what PostgreSQL makes of "select a, b from t where a = 'x y'", with the
// fields that matter and some that do not.
const tree = `({QUERY :commandType 1 :querySource 0 :utilityStmt <> :cteList <> :rtable ({RANGETBLENTRY :alias {ALIAS :aliasname :relid :colnames <>} ` +
	`:eref {ALIAS :aliasname \(\{\ :colnames ("a" "\ \}b")} :rtekind 0 :relid 20000 :relkind r :tablesample <> :lateral false :securityQuals <>}) ` +
	`:jointree {FROMEXPR :fromlist ({RANGETBLREF :rtindex 1}) :quals {OPEXPR :opno 98 :opretset false :args ({VAR :varno 1 :varattno 1 :varnullingrels (b) :varlevelsup 0} ` +
	`{CONST :consttype 25 :constisnull false :constvalue 7 [ 28 0 0 0 120 32 121 ]})}} ` +
	`:targetList ({TARGETENTRY :expr {VAR :varno 1 :varattno 1 :varnullingrels (b) :varlevelsup 0} :resno 1 :resname a :ressortgroupref 0 :resjunk false} ` +
	`{TARGETENTRY :expr {VAR :varno 1 :varattno 2 :varnullingrels (b 1 2) :varlevelsup 0} :resno 2 :resname \"b :ressortgroupref 0 :resjunk false}) ` +
	`:groupClause <> :havingQual <> :windowClause <> :rowMarks <> :setOperations <>})`

func TestTraceRule(t *testing.T) {
	r, ok := traceRule(tree)
	want := []Dependency{{Relation: 20_000}, {Relation: 20_000, Column: 1}, {Relation: 20_000, Column: 2, Output: 2}}
	if diff := cmp.Diff(want, r.reads); !ok || r.outputs != 2 || diff != "" {
		t.Errorf("%v, %d outputs: -want +got:\n%s", ok, r.outputs, diff)
	}
}

// What is not understood is not half understood.
func TestTraceRuleRefuses(t *testing.T) {
	for end := range tree {
		if _, ok := traceRule(tree[:end]); ok {
			t.Errorf("understood the beginning %q", tree[:end])
		}
	}
	tests := map[string][2]string{
		"two queries":               {"({QUERY", "({QUERY} {QUERY"},
		"no SELECT":                 {":commandType 1", ":commandType 2"},
		"rows that are locked":      {":rowMarks <>", ":rowMarks ({ROWMARKCLAUSE :rti 1})"},
		"a field of later releases": {":rowMarks <>", ":rowMarks <> :laterClause ({LATER})"},
		"an unknown expression":     {"{OPEXPR", "{LATEREXPR"},
		"an unknown item of FROM":   {"{RANGETBLREF :rtindex 1}", "{LATERREF :rtindex 1}"},
		"an unknown kind of entry":  {":rtekind 0", ":rtekind 77"},
		"an entry with conditions":  {":securityQuals <>", ":securityQuals ({CONST})"},
		"no entry":                  {":rtindex 1", ":rtindex 2"},
		"a Var of no entry":         {":varno 1 :varattno 2", ":varno 0 :varattno 2"},
		"a Var of no query":         {":varlevelsup 0} :resno 2", ":varlevelsup 1} :resno 2"},
		"a Var without a number":    {":varattno 2", ":varattno <>"},
		"a target out of order":     {":resno 2", ":resno 3"},
		"an unknown target":         {"{TARGETENTRY", "{LATERENTRY"},
		"unknown set operations":    {":setOperations <>", ":setOperations {LATERSTMT}"},
		"a value without a field":   {":resno 1", "1"},
	}
	for name, change := range tests {
		if !strings.Contains(tree, change[0]) {
			t.Errorf("%s: there is no %s", name, change[0])
		}
		if _, ok := traceRule(strings.Replace(tree, change[0], change[1], 1)); ok {
			t.Errorf("%s: understood", name)
		}
	}
}

func BenchmarkTraceRule(b *testing.B) {
	b.SetBytes(int64(len(tree)))
	for b.Loop() {
		traceRule(tree)
	}
}

// FuzzTraceRule shows that no text makes the reader fail.
func FuzzTraceRule(f *testing.F) {
	f.Add(tree)
	f.Fuzz(func(_ *testing.T, text string) { traceRule(text) })
}

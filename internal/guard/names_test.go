package guard

import (
	"fmt"
	"iter"
	"slices"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// TestDerivedNamesHideNothing takes each output and each function in FROM of the
// allowed cases that has no name of its own, and refers to it where a table has a
// column of that name. If that one may not be read, the statement must be refused,
// whichever of the two PostgreSQL takes the name for.
func TestDerivedNamesHideNothing(t *testing.T) {
	names, statements := derivedNames(t)
	if len(names) < 40 || len(statements) < 200 {
		t.Fatalf("only %d names in %d statements", len(names), len(statements))
	}
	open, blocked := withTrap(t, names, nil), withTrap(t, names, []string{"clinic.trap.*"})
	accepted := 0
	for _, sql := range statements {
		if _, refusal := verdict(t, sql, open); refusal == nil {
			accepted++
		}
		if _, refusal := verdict(t, sql, blocked); refusal == nil {
			t.Errorf("not refused: %s", sql)
		}
	}
	if accepted < 150 {
		t.Errorf("only %d of %d are accepted where all may be read", accepted, len(statements))
	}
}

// derivedNames are all names that are made up in the allowed cases, and statements
// that refer to them.
func derivedNames(t *testing.T) (names, statements []string) {
	p := practice(t)
	for _, file := range caseFiles(t, "allowed") {
		for _, c := range readCases(t, file) {
			tree, refusal := parse(c.statement())
			if refusal != nil {
				t.Fatal(refusal)
			}
			s := tree.Stmts[0].Stmt.GetSelectStmt()
			if s == nil {
				continue
			}
			for _, output := range newResolver(c.statement(), p).selectStatement(&query{}, s, nil) {
				if output.derived {
					names = append(names, output.name)
					statements = append(statements, fmt.Sprintf("SELECT (SELECT %s FROM (\n%s\n) AS d LIMIT 1) FROM trap", catalog.Quote(output.name), deparse(t, s)))
				}
			}
			for f := range tableFunctionsIn(tree.ProtoReflect()) {
				name := f.GetAlias().GetAliasname()
				if name == "" {
					name = newResolver("", p).outputName(f.Functions[0].GetList().Items[0])
				}
				names = append(names, name)
				from := &pg_query.Node{Node: &pg_query.Node_RangeFunction{RangeFunction: f}}
				statements = append(statements, fmt.Sprintf("SELECT (%s LIMIT 1) FROM trap", deparse(t, &pg_query.SelectStmt{
					TargetList: []*pg_query.Node{pg_query.MakeResTargetNodeWithVal(pg_query.MakeColumnRefNode([]*pg_query.Node{pg_query.MakeStrNode(name)}, 0), 0)},
					FromClause: []*pg_query.Node{from},
				})))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), statements
}

func deparse(t *testing.T, s *pg_query.SelectStmt) string {
	t.Helper()
	sql, err := pg_query.Deparse(&pg_query.ParseResult{Stmts: []*pg_query.RawStmt{{Stmt: &pg_query.Node{Node: &pg_query.Node_SelectStmt{SelectStmt: s}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return sql
}

// tableFunctionsIn are the functions in FROM that have no column aliases.
func tableFunctionsIn(m protoreflect.Message) iter.Seq[*pg_query.RangeFunction] {
	return func(yield func(*pg_query.RangeFunction) bool) {
		var visit func(protoreflect.Message) bool
		visit = func(m protoreflect.Message) bool {
			if f, ok := m.Interface().(*pg_query.RangeFunction); ok && len(f.GetAlias().GetColnames()) == 0 && !yield(f) {
				return false
			}
			for field := range populated(m) {
				if field.Kind() != protoreflect.MessageKind {
					continue
				}
				v := m.Get(field)
				if !field.IsList() {
					if !visit(v.Message()) {
						return false
					}
					continue
				}
				for i := range v.List().Len() {
					if !visit(v.List().Get(i).Message()) {
						return false
					}
				}
			}
			return true
		}
		visit(m)
	}
}

// withTrap is the practice with a table trap that has a column of each name.
func withTrap(t *testing.T, names, blocked []string) *policy.Policy {
	t.Helper()
	c, cfg, err := readFixture()
	if err != nil {
		t.Fatal(err)
	}
	trap := &catalog.Relation{OID: 900_000, RowType: 900_001, Schema: "clinic", Name: "trap", Kind: catalog.Table}
	for i, name := range names {
		trap.Columns = append(trap.Columns, catalog.Column{Name: name, Number: int16(i + 1), Type: "integer", TypeOID: int4OID})
	}
	c.Relations = append(c.Relations, trap)
	cfg.Security.Blocked.Columns = append(cfg.Security.Blocked.Columns, blocked...)
	return policy.Compile(cfg, "practice").Close(c)
}

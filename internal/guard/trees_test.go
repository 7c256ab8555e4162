package guard

import (
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// TestTreesOfNoParser gives the resolver what the walk does not admit, or the parser
// does not make: it refuses that too.
func TestTreesOfNoParser(t *testing.T) {
	q := &query{}
	variable := &pg_query.Node{Node: &pg_query.Node_Var{Var: &pg_query.Var{}}}
	insert := &pg_query.Node{Node: &pg_query.Node_InsertStmt{InsertStmt: &pg_query.InsertStmt{}}}
	list := []*pg_query.Node{variable}
	for _, tt := range []struct {
		name string
		read func(r *resolver)
		want Code
	}{
		{"statement", func(r *resolver) { r.statement(insert) }, NotReadOnly},
		{"subquery", func(r *resolver) { r.subquery(q, insert) }, NotReadOnly},
		{"WITH", func(r *resolver) {
			r.readCTE(&cte{query: q, node: &pg_query.CommonTableExpr{Ctequery: insert}})
		}, NotReadOnly},
		{"expression", func(r *resolver) { r.expr(q, variable) }, NotSupported},
		{"operation", func(r *resolver) { r.operation(q, &pg_query.A_Expr{}) }, NotSupported},
		{"SubLink", func(r *resolver) {
			r.subLink(q, &pg_query.SubLink{Subselect: &pg_query.Node{Node: &pg_query.Node_SelectStmt{SelectStmt: &pg_query.SelectStmt{Op: pg_query.SetOperation_SETOP_NONE}}}})
		}, NotSupported},
		{"star", func(r *resolver) {
			r.columnRef(q, &pg_query.ColumnRef{Fields: []*pg_query.Node{{Node: &pg_query.Node_AStar{AStar: &pg_query.A_Star{}}}}})
		}, Syntax},
		{"target", func(r *resolver) { r.targets(q, list) }, NotSupported},
		{"ORDER BY", func(r *resolver) { r.orderBy(q, list, nil) }, NotSupported},
		{"ORDER BY of an aggregate", func(r *resolver) { r.sortList(q, list) }, NotSupported},
		{"FROM", func(r *resolver) { r.fromItem(q, variable) }, NotSupported},
		{"function in FROM", func(r *resolver) { r.tableFunctions(&pg_query.RangeFunction{Functions: list}) }, NotSupported},
		{"column definition", func(r *resolver) { r.columnDefinitions(list) }, NotSupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newResolver("", practice(t))
			tt.read(r)
			if r.refusal == nil || r.refusal.Code != tt.want {
				t.Errorf("%v, want %s", r.refusal, tt.want)
			}
		})
	}
}

package guard

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// subquery reads a query inside another and returns its output columns.
func (r *resolver) subquery(outer *query, n *pg_query.Node) []column {
	s := n.GetSelectStmt()
	if s == nil {
		r.refuse(NotReadOnly, location(n), "", "only SELECT, VALUES and TABLE may stand here")
		return nil
	}
	return r.selectStatement(&query{outer: outer}, s, nil)
}

// selectStatement reads SELECT, VALUES or a set operation at the level q.
// recursive is the WITH RECURSIVE query that it is the body of, or nil.
func (r *resolver) selectStatement(q *query, s *pg_query.SelectStmt, recursive *cte) []column {
	if r.refused() {
		return nil
	}
	r.with(q, s.WithClause)
	var columns []column
	switch {
	case s.Op != pg_query.SetOperation_SETOP_NONE:
		columns = r.setOperation(q, s, recursive)
		r.orderSetOperation(q, s.SortClause, columns)
	case len(s.ValuesLists) > 0:
		columns = r.values(q, s)
		r.orderBy(&query{outer: q.outer, ctes: q.ctes, items: []*item{{name: "*VALUES*", named: true, open: true, columns: columns}}}, s.SortClause, columns)
	default:
		columns = r.plainSelect(q, s)
	}
	r.condition(q, s.LimitCount)
	r.condition(q, s.LimitOffset)
	r.limitFact(s)
	if s.LimitCount != nil || s.LimitOffset != nil {
		columns = standing(columns)
	}
	return columns
}

func (r *resolver) plainSelect(q *query, s *pg_query.SelectStmt) []column {
	r.from(q, s.FromClause)
	var columns []column
	q.level.plain = r.mentions(func() { columns = r.targets(q, s.TargetList) })
	if s.WhereClause != nil {
		r.linking(q, s.WhereClause)
	}
	r.condition(q, s.HavingClause)
	r.orderBy(q, s.SortClause, columns)
	r.groupBy(q, s.GroupClause, columns)
	r.groupingSets(s.GroupClause)
	for _, n := range s.DistinctClause {
		if n.GetNode() != nil { // DISTINCT alone is a list of nothing
			r.outputOrExpr(q, n, columns)
		}
	}
	for _, n := range s.WindowClause {
		r.window(q, n.GetWindowDef())
	}
	r.selectFact(q, s)
	return columns
}

// targets reads a target list and returns the output columns.
func (r *resolver) targets(q *query, list []*pg_query.Node) []column {
	columns := make([]column, 0, len(list))
	for _, n := range list {
		t := n.GetResTarget()
		if t == nil {
			r.refuse(NotSupported, location(n), "", "this kind of output is not understood")
			continue
		}
		if expanded, ok := r.expand(q, t.Val); ok {
			columns = append(columns, computed(expanded)...)
			continue
		}
		before := r.nodes
		c := column{name: t.Name, typ: r.expr(q, t.Val)}
		c.nodes = r.nodes - before
		if c.name == "" {
			c.name, c.derived = r.outputName(t.Val), !isSpelled(t.Val)
		}
		columns = append(columns, c)
	}
	r.bound(len(columns))
	return columns
}

// bound refuses outputs and rows that PostgreSQL would find too wide.
func (r *resolver) bound(outputs int) {
	if outputs > maxOutputs {
		r.refuse(TooLong, -1, "name the columns you need", "a query or row has more than %d columns", maxOutputs)
	}
}

// expand reads *, t.* or (row).*, and reports whether n is one of them.
func (r *resolver) expand(q *query, n *pg_query.Node) ([]column, bool) {
	if ref := n.GetColumnRef(); ref != nil && ref.Fields[len(ref.Fields)-1].GetAStar() != nil {
		return r.star(q, ref), true
	}
	ind := n.GetAIndirection()
	if ind == nil || ind.Indirection[len(ind.Indirection)-1].GetAStar() == nil {
		return nil, false
	}
	path := ind.Indirection[:len(ind.Indirection)-1]
	if len(path) == 0 {
		if it := r.rowOf(q, ind.Arg); it != nil {
			return r.itemStar(it, location(n)), true
		}
	}
	before := r.nodes
	t := r.indirection(q, ind.Arg, path)
	fields, known := r.attributes(t)
	fields = slices.Clone(fields)
	for i := range fields {
		fields[i].nodes = r.nodes - before
	}
	if !known {
		r.refuse(NotSupported, location(n), "name the attributes", "the attributes that .* stands for cannot be told")
	}
	r.mentionAll(fields, location(n), ".*")
	return fields, true
}

// star expands * or t.*.
func (r *resolver) star(q *query, ref *pg_query.ColumnRef) []column {
	if len(ref.Fields) > 1 {
		it := r.qualifiedItem(q, ref.Fields[:len(ref.Fields)-1], ref.Location)
		if it == nil {
			return nil
		}
		return r.itemStar(it, ref.Location)
	}
	var columns []column
	for _, it := range q.items {
		if it.open && !r.refused() {
			columns = append(columns, r.itemStar(it, ref.Location)...)
		}
	}
	return columns
}

func (r *resolver) itemStar(it *item, at int32) []column {
	if at < 0 { // of TABLE
		at = it.at
	}
	if it.opaque {
		r.refuse(NotSupported, at, "name the columns", "the columns that * stands for cannot be told")
		return nil
	}
	r.mentionAll(it.columns, at, "*")
	return it.columns
}

func (r *resolver) values(q *query, s *pg_query.SelectStmt) []column {
	var columns []column
	for _, row := range s.ValuesLists {
		before := r.nodes
		types := r.list(q, row.GetList().GetItems())
		for i, t := range types {
			if i >= len(columns) {
				columns = append(columns, column{name: numbered("column", i), typ: t, nodes: r.nodes - before})
			} else {
				columns[i].typ = r.common(columns[i].typ, t)
			}
		}
	}
	return columns
}

// list reads expressions where a star stands for several: ROW(…) and VALUES.
func (r *resolver) list(q *query, list []*pg_query.Node) []typ {
	types := make([]typ, 0, len(list))
	for _, n := range list {
		if expanded, ok := r.expand(q, n); ok {
			for _, c := range expanded {
				types = append(types, c.typ)
			}
			continue
		}
		types = append(types, r.expr(q, n))
	}
	r.bound(len(types))
	return types
}

// orderBy reads ORDER BY: a bare name is an output column if there is one.
func (r *resolver) orderBy(q *query, list []*pg_query.Node, columns []column) {
	for _, n := range list {
		s := n.GetSortBy()
		if s == nil {
			r.refuse(NotSupported, location(n), "", "this kind of ORDER BY is not understood")
			continue
		}
		t := r.outputOrExpr(q, s.Node, columns)
		r.sortOperator(s, t)
	}
}

func (r *resolver) sortOperator(s *pg_query.SortBy, t typ) {
	if len(s.UseOp) > 0 {
		r.operator(stringsOf(s.UseOp), t, t, s.Location)
	}
}

// outputOrExpr reads an item of ORDER BY or DISTINCT ON.
func (r *resolver) outputOrExpr(q *query, n *pg_query.Node, columns []column) typ {
	if c := r.output(q, n, columns); c != nil {
		return c.typ
	}
	return r.expr(q, n)
}

// output is the output column that n names or numbers, or nil.
func (r *resolver) output(q *query, n *pg_query.Node, columns []column) *column {
	if name, ok := bareName(n); ok {
		for i := range columns {
			if c := &columns[i]; c.name == name {
				if c.derived {
					r.derived(q, nil, name, location(n))
				}
				return c
			}
		}
	}
	return outputNumber(n, columns)
}

// groupBy reads GROUP BY: a bare name is an input column if there is one at this
// level, else an output column.
func (r *resolver) groupBy(q *query, list []*pg_query.Node, columns []column) {
	for _, n := range list {
		switch g := n.GetNode().(type) {
		case *pg_query.Node_GroupingSet:
			r.groupBy(q, g.GroupingSet.Content, columns)
			continue
		case *pg_query.Node_RowExpr:
			if g.RowExpr.RowFormat == pg_query.CoercionForm_COERCE_IMPLICIT_CAST {
				r.groupBy(q, g.RowExpr.Args, columns)
				continue
			}
		}
		if name, ok := bareName(n); ok {
			if _, _, how := q.column(name, true); how != notFound {
				r.expr(q, n)
				continue
			}
		}
		r.outputOrExpr(q, n, columns)
	}
}

// bareName is the name of a reference that is one name alone.
func bareName(n *pg_query.Node) (string, bool) {
	ref := n.GetColumnRef()
	if ref == nil || len(ref.Fields) != 1 || ref.Fields[0].GetString_() == nil {
		return "", false
	}
	return ref.Fields[0].GetString_().GetSval(), true
}

func outputNumber(n *pg_query.Node, columns []column) *column {
	c := n.GetAConst()
	if c == nil || c.Isnull {
		return nil
	}
	if v, ok := c.Val.(*pg_query.A_Const_Ival); ok {
		if i := int(v.Ival.Ival); i >= 1 && i <= len(columns) {
			return &columns[i-1]
		}
	}
	return nil
}

// setOperation reads UNION, INTERSECT or EXCEPT. The names are those of the
// first arm.
func (r *resolver) setOperation(q *query, s *pg_query.SelectStmt, recursive *cte) []column {
	left := r.arm(q, s.Larg)
	if recursive != nil {
		recursive.startRecursion(r, left)
	}
	right := r.arm(q, s.Rarg)
	columns := make([]column, len(left))
	for i, c := range left {
		columns[i] = column{name: c.name, typ: c.typ, derived: c.derived, nodes: c.nodes}
		if i < len(right) {
			columns[i].typ = r.common(c.typ, right[i].typ)
			columns[i].nodes += right[i].nodes
		}
	}
	return columns
}

func (r *resolver) arm(q *query, s *pg_query.SelectStmt) []column {
	nested := s.Op != pg_query.SetOperation_SETOP_NONE &&
		len(s.SortClause) == 0 && s.LimitCount == nil && s.LimitOffset == nil && s.WithClause == nil
	if nested {
		return r.setOperation(q, s, nil)
	}
	return r.selectStatement(&query{outer: q}, s, nil)
}

// orderSetOperation reads ORDER BY of a set operation, which takes names and
// numbers of output columns only.
func (r *resolver) orderSetOperation(q *query, list []*pg_query.Node, columns []column) {
	for _, n := range list {
		s := n.GetSortBy()
		c := r.output(q, s.GetNode(), columns)
		if c == nil {
			r.refuse(NotSupported, location(s.GetNode()), "wrap the set operation in SELECT * FROM (…) and order that",
				"ORDER BY of UNION, INTERSECT or EXCEPT takes names and numbers of output columns only")
			continue
		}
		r.sortOperator(s, c.typ)
	}
}

// window reads the definition of a window.
func (r *resolver) window(q *query, w *pg_query.WindowDef) {
	if w == nil {
		return
	}
	if w.Name == "" || len(w.PartitionClause)+len(w.OrderClause) > 0 { // not only one's name
		if r.windows++; r.windows > maxWindows {
			r.refuse(TooLong, w.Location, "define it once, in WINDOW w AS (…), and write OVER w", "the statement has more than %d windows", maxWindows)
		}
	}
	for _, n := range w.PartitionClause {
		r.expr(q, n)
	}
	r.sortList(q, w.OrderClause)
	r.condition(q, w.StartOffset)
	r.condition(q, w.EndOffset)
}

// sortList reads an ORDER BY that knows no output columns.
func (r *resolver) sortList(q *query, list []*pg_query.Node) []typ {
	var types []typ
	for _, n := range list {
		s := n.GetSortBy()
		if s == nil {
			r.refuse(NotSupported, location(n), "", "this kind of ORDER BY is not understood")
			continue
		}
		t := r.expr(q, s.Node)
		r.sortOperator(s, t)
		types = append(types, t)
	}
	return types
}

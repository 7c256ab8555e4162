package guard

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// join reads a JOIN. Its own item offers the columns of both sides; the sides
// stay visible by name unless the join has an alias, which hides them.
func (r *resolver) join(q *query, n *pg_query.JoinExpr) (*item, []*item) {
	left, items := r.fromItem(q, n.Larg)

	// The right side sees the left one if it is LATERAL, and may use it unless
	// the join can come up with rows that the left side does not have.
	before := len(q.items)
	setLateral(items, true, n.Jointype == pg_query.JoinType_JOIN_INNER || n.Jointype == pg_query.JoinType_JOIN_LEFT)
	q.items = append(q.items, items...)
	right, rightItems := r.fromItem(q, n.Rarg)
	q.items = q.items[:before:before]
	items = append(items[:len(items):len(items)], rightItems...)

	using := stringsOf(n.UsingClause)
	if n.IsNatural {
		using = sharedNames(left, right)
	}
	columns, merged := r.joinColumns(q, n, left, right, using)

	if n.Quals != nil { // ON sees the two sides alone
		setLateral(items, false, true)
		outside := q.items
		q.items = items
		r.linking(q, n.Quals)
		q.items = outside
	}

	top := &item{open: true, columns: columns, opaque: left.opaque || right.opaque}
	if n.Alias != nil {
		r.rename(top, n.Alias, location(n.Larg))
		items = nil
	} else {
		for _, it := range items {
			it.open = false
		}
	}
	if n.JoinUsingAlias != nil {
		items = append(items, &item{name: n.JoinUsingAlias.Aliasname, named: true, columns: columns[:merged:merged]})
	}
	return top, append(items, top)
}

func sharedNames(left, right *item) []string {
	var names []string
	for i := range left.columns {
		name := left.columns[i].name
		if _, ok := right.find(name); ok {
			names = append(names, name)
		}
	}
	return names
}

// joinColumns are the columns of a join: the merged ones, then the rest of the
// left side and of the right. Merging compares, so it reads both sides.
func (r *resolver) joinColumns(q *query, n *pg_query.JoinExpr, left, right *item, using []string) (columns []column, merged int) {
	at := location(n.Larg)
	r.widen(len(left.columns)+len(right.columns), at)
	if r.refused() {
		return nil, 0
	}
	columns = make([]column, 0, len(left.columns)+len(right.columns))
	used := map[*column]bool{}
	if (n.IsNatural || len(using) > 0) && (left.opaque || right.opaque) {
		r.refuse(NotSupported, at, "join with ON", "the columns that USING or NATURAL compare cannot be told")
		return columns, 0
	}
	if n.IsNatural && (hasDerived(left) && !r.mayReadAll(right) || hasDerived(right) && !r.mayReadAll(left)) {
		r.refuse(NotSupported, at, "join with ON", "NATURAL JOIN could compare columns of which some may not be read")
		return columns, 0
	}
	for _, name := range using {
		l, rt := r.usingColumn(left, name, at), r.usingColumn(right, name, at)
		if l == nil || rt == nil {
			return columns, 0
		}
		if n.IsNatural && !(r.mayRead(l) && r.mayRead(rt)) {
			r.refuse(BlockedColumn, at, "join with ON", "NATURAL JOIN compares columns of which some may not be read")
			return columns, 0
		}
		r.mention(l, at)
		r.mention(rt, at)
		q.level.links = append(q.level.links, link{l, rt})
		r.operator([]string{"="}, l.typ, rt.typ, at)
		used[l], used[rt] = true, true
		c := *l
		c.name, c.typ, c.derived = name, r.common(l.typ, rt.typ), false
		c.nodes += rt.nodes
		columns = append(columns, c)
	}
	merged = len(columns)
	for _, side := range []*item{left, right} {
		for i := range side.columns {
			if !used[&side.columns[i]] {
				columns = append(columns, side.columns[i])
			}
		}
	}
	return columns, merged
}

func hasDerived(it *item) bool {
	return slices.ContainsFunc(it.columns, func(c column) bool { return c.derived })
}

func (r *resolver) mayReadAll(it *item) bool {
	return !slices.ContainsFunc(it.columns, func(c column) bool { return !r.mayRead(&c) })
}

func (r *resolver) usingColumn(it *item, name string, at int32) *column {
	c, how := it.column(name)
	switch {
	case how == ambiguous:
		r.refuse(AmbiguousColumn, at, "join with ON", "column %s of USING is in one side of the join more than once", name)
		return nil
	case c == nil:
		r.refuse(UnknownColumn, at, "join with ON", "column %s of USING is not in both sides of the join", name)
		return nil
	}
	return c
}

package guard

import pg_query "github.com/pganalyze/pg_query_go/v5"

// Bounds of what a statement gives PostgreSQL to analyse and plan. Neither heeds
// a timeout everywhere, and both can take time and memory that grow much faster
// than the text. What a view is made of is not counted: its author knows it.
const (
	maxItems   = 100 // in FROM, all told
	maxJoined  = 40  // in one FROM: in which order to join them is looked for among all
	maxWindows = 100
	maxSets    = 512 // grouping sets of one query

	// maxNodes bounds the parts of expressions as PostgreSQL has them in the end:
	// it puts the expressions of subqueries in the place of their columns, and
	// writes some operands out more than once.
	maxNodes     = 50_000
	nodesOfTable = 100 // what a table in a scalar subquery counts
)

// node counts parts of expressions.
func (r *resolver) node(more int, at int32) {
	if r.nodes += more; r.nodes > maxNodes {
		r.refuse(TooLong, at, "compute it once, in WITH … AS MATERIALIZED",
			"the expressions have more than %d parts, those of subqueries counted wherever their columns are used", maxNodes)
	}
}

// copied counts copies of an operand that was read when there were since nodes.
func (r *resolver) copied(since, copies int, at int32) { r.node((r.nodes-since)*copies, at) }

// table counts items of FROM.
func (r *resolver) table(more int, at int32) {
	if r.items += more; r.items > maxItems {
		r.refuse(TooLong, at, askForLess, "FROM has more than %d tables in all, those of WITH queries that are NOT MATERIALIZED counted wherever they are used", maxItems)
	}
}

// joined bounds what one FROM joins.
func (r *resolver) joined(list []*pg_query.Node) {
	n := 0
	for _, item := range list {
		n += leaves(item)
	}
	if n > maxJoined {
		r.refuse(TooLong, location(list[0]), "join fewer in one query; a subquery is a query of its own", "one FROM has more than %d tables", maxJoined)
	}
}

func leaves(n *pg_query.Node) int {
	if j := n.GetJoinExpr(); j != nil {
		return leaves(j.Larg) + leaves(j.Rarg)
	}
	return 1
}

// groupingSets bounds the sets that a GROUP BY stands for.
func (r *resolver) groupingSets(list []*pg_query.Node) {
	product := 1
	for _, n := range list {
		if product *= sets(n); product > maxSets {
			r.refuse(TooLong, location(n), "list the sets that you need: GROUPING SETS ((a, b), (a))", "GROUP BY stands for more than %d grouping sets", maxSets)
			return
		}
	}
}

// sets are how many grouping sets one item of GROUP BY stands for, more than any
// bound if that is very many.
func sets(n *pg_query.Node) int {
	g := n.GetGroupingSet()
	switch g.GetKind() {
	case pg_query.GroupingSetKind_GROUPING_SET_ROLLUP:
		return len(g.Content) + 1
	case pg_query.GroupingSetKind_GROUPING_SET_CUBE:
		return 1 << min(len(g.Content), 20)
	case pg_query.GroupingSetKind_GROUPING_SET_SETS:
		sum := 0
		for _, inner := range g.Content {
			sum += sets(inner)
		}
		return sum
	}
	return 1
}

// computedItems are the items of an IN list for each of which PostgreSQL writes
// the left side once more: constants it gathers in an array.
func computedItems(list []*pg_query.Node) int {
	n := 0
	for _, item := range list {
		if item.GetAConst() == nil {
			n++
		}
	}
	return n
}

package guard

import pg_query "github.com/pganalyze/pg_query_go/v5"

// A cte is one query of a WITH list.
type cte struct {
	name    string
	node    *pg_query.CommonTableExpr
	query   *query // where it is defined
	columns []column
	extra   []column // what SEARCH and CYCLE add, seen from outside
	state   cteState

	items, nodes int // what the planner has to do where it is used, if it is NOT MATERIALIZED
}

type cteState uint8

const (
	waiting   cteState = iota // of a WITH RECURSIVE, not read yet
	reading                   // its columns are not known
	recursing                 // its columns are known, its recursive part is being read
	done
)

// with reads a WITH list into q. Without RECURSIVE a query sees the ones before
// it; with it they all see each other.
func (r *resolver) with(q *query, w *pg_query.WithClause) {
	if w == nil {
		return
	}
	if !w.Recursive {
		for _, n := range w.Ctes {
			c := r.newCTE(q, n)
			r.readCTE(c)
			q.ctes = append(q.ctes, c)
		}
		return
	}
	for _, n := range w.Ctes {
		q.ctes = append(q.ctes, r.newCTE(q, n))
	}
	for _, c := range q.ctes {
		if c.state == waiting {
			r.readCTE(c)
		}
	}
}

func (r *resolver) newCTE(q *query, n *pg_query.Node) *cte {
	node := n.GetCommonTableExpr()
	for _, c := range q.ctes {
		if c.name == node.Ctename {
			r.refuse(Syntax, node.Location, "give each WITH query its own name", "WITH query %s is defined twice", node.Ctename)
		}
	}
	return &cte{name: node.Ctename, node: node, query: q}
}

func (r *resolver) readCTE(c *cte) {
	c.state = reading
	body := c.node.Ctequery.GetSelectStmt()
	if body == nil {
		r.refuse(NotReadOnly, c.node.Location, "", "WITH query %s is not a SELECT", c.name)
		return
	}
	inner := &query{outer: c.query}
	items, nodes := r.items, r.nodes
	columns := r.selectStatement(inner, body, c)
	switch c.node.Ctematerialized {
	case pg_query.CTEMaterialize_CTEMaterializeAlways:
		columns = standing(columns)
	case pg_query.CTEMaterialize_CTEMaterializeNever:
		c.items, c.nodes = r.items-items, r.nodes-nodes
		r.items = items // they count where it is used
	}
	c.setColumns(r, columns)
	c.state = done
	c.addSearchAndCycle(r)
}

// setColumns names the columns of c by its column list.
func (c *cte) setColumns(r *resolver, columns []column) {
	it := &item{columns: append([]column(nil), columns...)}
	if names := c.node.Aliascolnames; len(names) > 0 {
		r.rename(it, &pg_query.Alias{Aliasname: c.name, Colnames: names}, c.node.Location)
	}
	c.columns = it.columns
}

// startRecursion is called when the first arm of a recursive query is read: its
// columns are those of the whole.
func (c *cte) startRecursion(r *resolver, columns []column) {
	c.setColumns(r, columns)
	c.state = recursing
}

func (c *cte) addSearchAndCycle(r *resolver) {
	named := func(names []*pg_query.Node, at int32) {
		it := &item{columns: c.columns}
		for _, name := range stringsOf(names) {
			if _, how := it.column(name); how != found {
				r.refuse(UnknownColumn, at, "", "WITH query %s has no column %s", c.name, name)
			}
		}
	}
	if s := c.node.SearchClause; s != nil {
		named(s.SearchColList, s.Location)
		t := unknownRow
		if !s.SearchBreadthFirst {
			t = arrayOf(t)
		}
		c.extra = append(c.extra, column{name: s.SearchSeqColumn, typ: t})
	}
	if s := c.node.CycleClause; s != nil {
		named(s.CycleColList, s.Location)
		mark := r.common(r.expr(c.query, s.CycleMarkValue), r.expr(c.query, s.CycleMarkDefault))
		c.extra = append(c.extra, column{name: s.CycleMarkColumn, typ: mark}, column{name: s.CyclePathColumn, typ: arrayOf(unknownRow)})
	}
}

// cteColumns are the columns that a reference to c offers.
func (r *resolver) cteColumns(c *cte, at int32) []column {
	switch c.state {
	case waiting:
		r.readCTE(c)
	case reading:
		r.refuse(NotSupported, at, "refer to it in the part after UNION", "WITH query %s refers to itself before its columns are known", c.name)
		return nil
	case recursing:
		return append([]column(nil), c.columns...)
	}
	r.table(c.items, at) // each level of queries that are NOT MATERIALIZED can double what is below
	r.node(c.nodes, at)
	return append(append([]column(nil), c.columns...), c.extra...)
}

package guard

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// from reads a FROM list into q. As in PostgreSQL an item sees the ones before
// it only if it is LATERAL.
func (r *resolver) from(q *query, list []*pg_query.Node) {
	r.joined(list)
	for _, n := range list {
		_, items := r.fromItem(q, n)
		setLateral(items, true, true)
		q.items = append(q.items, items...)
	}
	setLateral(q.items, false, true)
}

// fromItem reads one item. top has the columns that a join of it would have;
// items are what the query can refer to.
func (r *resolver) fromItem(q *query, n *pg_query.Node) (top *item, items []*item) {
	if r.refused() {
		top = &item{opaque: true}
		return top, []*item{top}
	}
	var mentioned []*column
	switch n := n.GetNode().(type) {
	case *pg_query.Node_RangeVar:
		top = r.rangeVar(q, n.RangeVar)
	case *pg_query.Node_RangeSubselect:
		mentioned = r.mentions(func() { top = r.rangeSubselect(q, n.RangeSubselect) })
		top.one = givesOneRow(n.RangeSubselect.Subquery.GetSelectStmt())
	case *pg_query.Node_RangeFunction:
		mentioned = r.mentions(func() { top = r.rangeFunction(q, n.RangeFunction) })
		top.one = true
	case *pg_query.Node_RangeTableFunc:
		mentioned = r.mentions(func() { top = r.rangeTableFunc(q, n.RangeTableFunc) })
		top.one = true
	case *pg_query.Node_RangeTableSample:
		top, items = r.fromItem(q, n.RangeTableSample.Relation)
		r.tableSample(q, n.RangeTableSample)
		return top, items
	case *pg_query.Node_JoinExpr:
		return r.join(q, n.JoinExpr)
	default:
		r.refuse(NotSupported, -1, "", "this kind of FROM item is not understood")
		top = &item{opaque: true}
	}
	r.widen(len(top.columns), top.at)
	r.table(1, top.at)
	r.node(nodesOfTable, top.at)
	q.source(top, mentioned)
	return top, []*item{top}
}

func (r *resolver) rangeVar(q *query, n *pg_query.RangeVar) *item {
	it := &item{name: n.Relname, named: true, open: true, at: n.Location}
	if n.Schemaname == "" && n.Catalogname == "" {
		if c := q.cte(n.Relname); c != nil {
			it.columns = r.cteColumns(c, n.Location)
			it.one = givesOneRow(c.node.Ctequery.GetSelectStmt())
			r.rename(it, n.Alias, n.Location)
			return it
		}
	}
	rel := r.relation(n.Catalogname, n.Schemaname, n.Relname, !n.Inh, n.Location)
	if rel == nil {
		it.opaque = true
		return it
	}
	r.tables[rel.String()] = true
	it.rel = rel
	if rel.OID >= catalog.FirstUserOID { // else its row type is not known
		it.table = rel
	}
	it.columns = make([]column, len(rel.Columns))
	for i := range rel.Columns {
		c := &rel.Columns[i]
		it.columns[i] = column{name: c.Name, typ: columnType(c), rel: rel, source: c, only: !n.Inh}
	}
	r.rename(it, n.Alias, n.Location)
	return it
}

// relation finds a relation by name and judges it; nil means it was refused.
// only tells that the rows of its children are left out.
func (r *resolver) relation(database, schema, name string, only bool, at int32) *catalog.Relation {
	if rel := r.catalogRelation(database, schema, name); rel != nil {
		return rel
	}
	if (schema == "pg_catalog" || schema == "information_schema") && (database == "" || database == r.catalog.Database) {
		r.refuse(BlockedSchema, at, insteadOfCatalog(name), "%s.%s is one of PostgreSQL's own tables, which may not be read", schema, name)
		return nil
	}
	if !r.schema(database, schema, at) {
		return nil
	}
	if schema == "" && isReserved(name) {
		r.refuse(BlockedSchema, at, insteadOfCatalog(name), "%s is one of PostgreSQL's own names, which may not be read; a table of yours needs its schema before it", name)
		return nil
	}
	written := qualified(schema, name)
	rel := r.catalog.Resolve(schema, name, r.policy.SearchPath)
	if rel == nil {
		r.refuse(UnknownTable, at, r.nearestTable(schema, name), "there is no table %s", written)
		return nil
	}
	switch verdict := r.policy.Verdict(rel); {
	case verdict == policy.Allowed, only && verdict == policy.BlockedChild:
		return rel
	case verdict == policy.BlockedChild:
		r.refuse(BlockedTable, at, "read FROM ONLY "+written, "table %s may not be read together with the tables that inherit from it", written)
	case verdict == policy.BlockedView:
		r.refuse(BlockedTable, at, r.nearestTable(schema, name), "view %s may not be read: it is made from what may not be read", written)
	case verdict == policy.NotTabular:
		r.refuse(BlockedTable, at, "", "%s is a sequence, which may not be read", written)
	default:
		r.refuse(BlockedTable, at, r.nearestTable(schema, name), "table %s may not be read", written)
	}
	return nil
}

// catalogRelation finds a relation of pg_catalog that may be read, or returns nil.
func (r *resolver) catalogRelation(database, schema, name string) *catalog.Relation {
	if (database == "" || database == r.catalog.Database) && (schema == "" || schema == "pg_catalog") {
		return r.policy.CatalogRelation(name)
	}
	return nil
}

func (r *resolver) rangeSubselect(q *query, n *pg_query.RangeSubselect) *item {
	q.lateral = n.Lateral
	it := &item{open: true, columns: r.subquery(q, n.Subquery)}
	q.lateral = false
	r.rename(it, n.Alias, -1)
	return it
}

func (r *resolver) rangeFunction(q *query, n *pg_query.RangeFunction) *item {
	q.lateral = true
	defer func() { q.lateral = false }()
	it := &item{named: true, open: true}
	at := int32(-1)
	calls := r.tableFunctions(n)
	for i, f := range calls {
		t := r.tableCall(q, f.call)
		name := r.outputName(f.call)
		if i == 0 {
			it.name, it.derived = name, true
			at = location(f.call)
		}
		if definitions := f.columns; len(definitions) > 0 {
			it.columns = append(it.columns, r.columnDefinitions(definitions)...)
			continue
		}
		if fields, known := r.attributes(t); known {
			for _, c := range fields {
				c.typ.made = t.made
				it.columns = append(it.columns, c)
			}
			continue
		}
		if t.class == anything || t.class == record {
			it.opaque = true
			continue
		}
		result := name
		if out := r.singleOut(f.call); out != "" {
			result = out
		} else if len(calls) == 1 && n.Alias != nil {
			result = n.Alias.Aliasname
		}
		it.columns = append(it.columns, column{name: result, typ: t, derived: true, hidden: r.reveals(t)})
		if len(calls) == 1 && !n.Ordinality {
			it.scalar = &t
		}
	}
	if n.Ordinality {
		it.columns = append(it.columns, column{name: "ordinality", typ: builtinType(int8OID)})
	}
	r.rename(it, n.Alias, at)
	return it
}

// tableCall reads what stands for a table: of a row that it returns the columns
// are judged one by one.
func (r *resolver) tableCall(q *query, n *pg_query.Node) typ {
	if c := n.GetFuncCall(); c != nil {
		return r.call(q, c)
	}
	return r.expr(q, n)
}

// tableFunction is one function of a FROM item with its column definitions.
type tableFunction struct {
	call    *pg_query.Node
	columns []*pg_query.Node
}

// tableFunctions lists the functions of an item. unnest of several arrays is
// several functions.
func (r *resolver) tableFunctions(n *pg_query.RangeFunction) []tableFunction {
	var calls []tableFunction
	for _, f := range n.Functions {
		pair := f.GetList().GetItems()
		if len(pair) == 0 {
			r.refuse(NotSupported, -1, "", "this kind of FROM item is not understood")
			continue
		}
		call := pair[0]
		definitions := n.Coldeflist
		if len(pair) > 1 && len(pair[1].GetList().GetItems()) > 0 {
			definitions = pair[1].GetList().GetItems()
		}
		if c := call.GetFuncCall(); c != nil && isUnnestOfSeveral(c) {
			for _, arg := range c.Args {
				one := &pg_query.FuncCall{Funcname: c.Funcname, Args: []*pg_query.Node{arg}, Funcformat: c.Funcformat, Location: c.Location}
				calls = append(calls, tableFunction{call: &pg_query.Node{Node: &pg_query.Node_FuncCall{FuncCall: one}}})
			}
			continue
		}
		calls = append(calls, tableFunction{call, definitions})
	}
	return calls
}

func isUnnestOfSeveral(c *pg_query.FuncCall) bool {
	name := c.Funcname[len(c.Funcname)-1].GetString_().GetSval()
	return name == "unnest" && len(c.Args) > 1 && (len(c.Funcname) == 1 || c.Funcname[0].GetString_().GetSval() == "pg_catalog")
}

func (r *resolver) columnDefinitions(list []*pg_query.Node) []column {
	var columns []column
	for _, n := range list {
		d := n.GetColumnDef()
		if d == nil {
			r.refuse(NotSupported, -1, "", "this kind of column definition is not understood")
			continue
		}
		if c := d.CollClause; c != nil {
			r.collation(stringsOf(c.Collname), c.Location)
		}
		columns = append(columns, column{name: d.Colname, typ: r.typeName(d.TypeName)})
	}
	return columns
}

// computed are columns as values: what they stand for has been judged.
func computed(columns []column) []column {
	values := make([]column, len(columns))
	for i, c := range columns {
		values[i] = column{name: c.name, typ: c.typ, derived: c.derived, nodes: c.nodes}
	}
	return values
}

// standing are the columns of a query whose expressions stay where they are: the
// planner computes them once.
func standing(columns []column) []column {
	columns = slices.Clone(columns)
	for i := range columns {
		columns[i].nodes = 0
	}
	return columns
}

func (r *resolver) rangeTableFunc(q *query, n *pg_query.RangeTableFunc) *item {
	q.lateral = true
	defer func() { q.lateral = false }()
	document := r.condition(q, n.Docexpr)
	r.condition(q, n.Rowexpr)
	r.path(n.Rowexpr, document)
	for _, ns := range n.Namespaces {
		r.condition(q, ns.GetResTarget().GetVal())
	}
	it := &item{name: "xmltable", named: true, open: true}
	for _, c := range n.Columns {
		c := c.GetRangeTableFuncCol()
		t := builtinType(int4OID)
		if !c.ForOrdinality {
			t = r.typeName(c.TypeName)
		}
		r.condition(q, c.Colexpr)
		if c.Colexpr != nil {
			r.path(c.Colexpr, document)
		}
		r.convertTo(t, r.condition(q, c.Coldefexpr), byAssignment, c.Location)
		t.made = document.made
		it.columns = append(it.columns, column{name: c.Colname, typ: t})
	}
	r.rename(it, n.Alias, n.Location)
	return it
}

func (r *resolver) tableSample(q *query, n *pg_query.RangeTableSample) {
	names := stringsOf(n.Method)
	method := names[len(names)-1]
	if len(names) > 2 || len(names) == 2 && names[0] != "pg_catalog" || method != "bernoulli" && method != "system" {
		r.refuse(BlockedFunction, n.Location, "use TABLESAMPLE BERNOULLI or SYSTEM", "sampling method %s may not be used", method)
	}
	r.conditions(q, n.Args)
	r.condition(q, n.Repeatable)
}

// rename gives an item its alias and its columns theirs.
func (r *resolver) rename(it *item, alias *pg_query.Alias, at int32) {
	if alias == nil {
		return
	}
	it.name, it.named, it.rel, it.derived, it.index = alias.Aliasname, true, nil, false, nil
	names := stringsOf(alias.Colnames)
	if it.opaque && len(names) > 0 {
		if slices.ContainsFunc(it.columns, func(c column) bool { return c.source != nil }) {
			r.refuse(NotSupported, at, "name the columns where they come from", "it cannot be told which columns the names of %s are for", alias.Aliasname)
		}
		it.columns = make([]column, len(names))
	}
	if len(names) > len(it.columns) {
		r.refuse(UnknownColumn, at, "", "%s has %d columns, but %d are named", alias.Aliasname, len(it.columns), len(names))
		return
	}
	for i, name := range names {
		it.columns[i].name, it.columns[i].derived = name, false
	}
}

func stringsOf(list []*pg_query.Node) []string {
	names := make([]string, len(list))
	for i, n := range list {
		names[i] = n.GetString_().GetSval()
	}
	return names
}

package catalog

import (
	"cmp"
	"maps"
	"slices"
)

// A rule is what the query of a view reads, column by column.
type rule struct {
	outputs   int          // columns of the view
	reads     []Dependency // relations and their columns, by the output that they belong to
	mentioned reads        // the same, without outputs, and what is read for a column of a subquery that nothing uses
}

// traceRule reads the tree of a view's query (pg_rewrite.ev_action). It reports
// false if the tree has anything that it does not understand: then nothing is
// known of the view's columns.
func traceRule(tree string) (rule, bool) {
	n, ok := parseTree(tree, namesOnly, wordsRead)
	if !ok || n.kind != listNode || len(n.items) != 1 {
		return rule{}, false
	}
	t := tracer{mentioned: reads{}}
	l := t.query(&n.items[0], nil)
	if t.lost {
		return rule{}, false
	}
	r := rule{outputs: len(l.columns), mentioned: t.mentioned}
	used := maps.Clone(l.rows)
	for d := range l.rows {
		r.reads = append(r.reads, d)
		used[d] = true
	}
	add := func(d Dependency, output int16, planned bool) {
		d.Output, d.Planned = output, planned
		r.reads = append(r.reads, d)
	}
	for i, column := range l.columns {
		for d, planned := range column {
			if _, whole := l.rows[d]; !whole {
				add(d, int16(i+1), planned)
				used[d] = used[d] || planned
			}
		}
	}
	for d, planned := range t.mentioned {
		if planned && !used[d] {
			add(d, Unused, planned)
		}
	}
	slices.SortFunc(r.reads, compareDependencies)
	return r, true
}

func compareDependencies(a, b Dependency) int {
	c := cmp.Or(cmp.Compare(a.Output, b.Output), cmp.Compare(a.Relation, b.Relation), cmp.Compare(a.Column, b.Column))
	switch {
	case c != 0 || a.Whole == b.Whole:
		return c
	case b.Whole:
		return -1
	default:
		return 1
	}
}

// namesOnly are fields that name things and list rights. They are half of a tree.
var namesOnly = map[string]bool{"alias": true, "eref": true, "aliascolnames": true, "ctecolnames": true, "rteperminfos": true}

// wordsRead are the fields that are looked at below and hold a word.
var wordsRead = map[string]bool{
	"all": true, "commandType": true, "ctelevelsup": true, "ctename": true, "cterecursive": true, "funcretset": true, "op": true,
	"opretset": true, "relid": true, "resjunk": true, "resno": true, "ressortgroupref": true, "rtekind": true, "rtindex": true,
	"subLinkType": true, "varattno": true, "varlevelsup": true, "varno": true,
}

// reads are what an expression reads, each with whether a plan could show it: a
// plan shows conditions and sort keys, but not what makes up a column.
type reads map[Dependency]bool

func (r reads) add(other reads, planned bool) {
	for d, p := range other {
		r[d] = r[d] || p || planned
	}
}

// A lineage is what the rows of a query depend on, which all its columns share,
// and what each column reads besides.
type lineage struct {
	rows    reads
	columns []reads
	opaque  bool // a recursive WITH: its rows have it all, whatever its columns are
}

// all is everything that a query reads.
func (l *lineage) all() reads {
	all := maps.Clone(l.rows)
	for _, column := range l.columns {
		all.add(column, false)
	}
	return all
}

// A scope is what the Vars of one query refer to.
type scope struct {
	outer  *scope
	tables []*rangeEntry
	with   map[string]*commonTable
}

// up is the scope so many levels out, or nil.
func (s *scope) up(levels int) *scope {
	for ; levels > 0 && s != nil; levels-- {
		s = s.outer
	}
	return s
}

// A rangeEntry is an entry of a query's range table.
type rangeEntry struct {
	node    *node
	kind    int
	lineage *lineage      // of a subquery
	columns map[int]reads // those asked for so far; nil for one that is being found out
}

// Kinds of range table entries (RTEKind).
const (
	relationEntry  = 0
	subqueryEntry  = 1
	joinEntry      = 2
	functionEntry  = 3
	tableFuncEntry = 4
	valuesEntry    = 5
	withEntry      = 6
	resultEntry    = 8
	groupEntry     = 9 // the GROUP BY expressions, since PostgreSQL 18
)

// A commonTable is a query of a WITH clause.
type commonTable struct {
	query     *node
	recursive bool
	begun     bool
	lineage   *lineage
}

// A tracer follows the columns of one rule to where they come from.
type tracer struct {
	mentioned reads
	lost      bool // there was something that is not understood
}

// queryFields are the fields of a query that may hold more than a word. What
// sorting, grouping and DISTINCT go by is marked in the targets.
var queryFields = map[string]bool{
	"cteList": true, "rtable": true, "jointree": true, "targetList": true, "groupClause": true,
	"groupingSets": true, "havingQual": true, "windowClause": true, "distinctClause": true, "sortClause": true,
	"limitOffset": true, "limitCount": true, "setOperations": true, "constraintDeps": true,
}

const selectCommand = "1" // CMD_SELECT

// query traces a SELECT inside outer.
func (t *tracer) query(n *node, outer *scope) *lineage {
	l := &lineage{rows: reads{}}
	if !n.is("QUERY") || n.field("commandType").text != selectCommand {
		t.lost = true
		return l
	}
	for i, name := range n.names {
		if n.items[i].kind != wordNode && !queryFields[name] {
			t.lost = true
		}
	}
	s := &scope{outer: outer, with: map[string]*commonTable{}}
	t.declare(s, n)
	t.from(s, n.field("jointree"), l.rows)
	for _, name := range []string{"havingQual", "windowClause", "limitOffset", "limitCount"} {
		t.expr(s, n.field(name), l.rows, false)
	}
	arms := n.field("setOperations")
	if !arms.empty() {
		t.arms(s, arms, true, l)
	}
	t.targets(s, n, l, arms.empty())
	for _, column := range l.columns {
		t.mentioned.add(column, false)
	}
	return l
}

// declare fills in the scope of a query. Of WITH it traces what nothing refers
// to, too.
func (t *tracer) declare(s *scope, n *node) {
	entries := n.field("rtable").items
	for i := range entries {
		e := &rangeEntry{node: &entries[i], columns: map[int]reads{}}
		e.kind = t.number(e.node, "rtekind")
		if !e.node.is("RANGETBLENTRY") || !e.node.field("securityQuals").empty() {
			t.lost = true
		}
		s.tables = append(s.tables, e)
	}
	with := n.field("cteList").items
	for i := range with {
		s.with[with[i].field("ctename").text] = &commonTable{
			query:     with[i].field("ctequery"),
			recursive: with[i].field("cterecursive").text == "true",
		}
	}
	for _, c := range s.with {
		t.commonTable(s, c)
	}
}

// targets traces the SELECT list. What rows are sorted, grouped or told apart by,
// and what multiplies them, is not of the column alone. Where there are arms,
// which have been traced, the list only names the columns of the first one.
func (t *tracer) targets(s *scope, n *node, l *lineage, traced bool) {
	targets := n.field("targetList").items
	for i := range targets {
		target := &targets[i]
		column, junk := reads{}, target.field("resjunk").text != "false"
		switch {
		case !target.is("TARGETENTRY") || !junk && t.number(target, "resno") != i+1:
			t.lost = true
		case traced:
			t.expr(s, target.field("expr"), column, false)
		case junk || i >= len(l.columns) || !target.field("expr").is("VAR") || t.number(target.field("expr"), "varattno") != i+1:
			t.lost = true
		default:
			column = l.columns[i]
		}
		if junk || target.field("ressortgroupref").text != "0" || returnsSet(target.field("expr")) {
			l.rows.add(column, false)
		}
		if traced && !junk {
			l.columns = append(l.columns, column)
		}
	}
	if !traced && len(targets) != len(l.columns) {
		t.lost = true
	}
}

// returnsSet reports whether an expression makes several rows of one.
func returnsSet(n *node) bool {
	if n.is("QUERY") {
		return false
	}
	return n.field("funcretset").text == "true" || n.field("opretset").text == "true" ||
		slices.ContainsFunc(n.items, func(n node) bool { return returnsSet(&n) })
}

// arms traces the queries that set operations put together. byColumn tells that
// every operation so far is UNION ALL, which looks at no value.
func (t *tracer) arms(s *scope, n *node, byColumn bool, into *lineage) {
	switch {
	case n.is("SETOPERATIONSTMT"):
		const union = "1" // SETOP_UNION
		byColumn = byColumn && n.field("op").text == union && n.field("all").text == "true"
		t.arms(s, n.field("larg"), byColumn, into)
		t.arms(s, n.field("rarg"), byColumn, into)
	case n.is("RANGETBLREF"):
		e := t.entry(s, t.number(n, "rtindex"))
		if e.kind != subqueryEntry {
			t.lost = true
			return
		}
		arm := t.subquery(s, e)
		into.rows.add(arm.rows, false)
		if into.columns == nil {
			into.columns = make([]reads, len(arm.columns))
		}
		if len(into.columns) != len(arm.columns) {
			t.lost = true
			return
		}
		for i, column := range arm.columns {
			if into.columns[i] == nil {
				into.columns[i] = reads{}
			}
			into.columns[i].add(column, false)
			if !byColumn {
				into.rows.add(column, false)
			}
		}
	default:
		t.lost = true
	}
}

// from traces what a part of FROM, with its conditions, does to the rows.
func (t *tracer) from(s *scope, n *node, into reads) {
	switch {
	case n.is("FROMEXPR"):
		list := n.field("fromlist").items
		for i := range list {
			t.from(s, &list[i], into)
		}
		t.expr(s, n.field("quals"), into, false)
	case n.is("JOINEXPR"):
		t.from(s, n.field("larg"), into)
		t.from(s, n.field("rarg"), into)
		t.expr(s, n.field("quals"), into, false)
	case n.is("RANGETBLREF"):
		t.rows(s, t.entry(s, t.number(n, "rtindex")), into)
	default:
		t.lost = true
	}
}

// rows traces which rows an item of FROM has. What functions make of their
// arguments is rows.
func (t *tracer) rows(s *scope, e *rangeEntry, into reads) {
	switch e.kind {
	case relationEntry:
		d := Dependency{Relation: t.relation(e)}
		found := reads{d: false}
		t.mentioned.add(found, false)
		into.add(found, false)
		t.expr(s, e.node.field("tablesample"), into, false)
	case subqueryEntry, withEntry:
		into.add(t.subquery(s, e).rows, false)
	case functionEntry:
		t.expr(s, e.node.field("functions"), into, false)
	case tableFuncEntry:
		t.expr(s, e.node.field("tablefunc"), into, false)
	case valuesEntry:
		t.column(s, e, 0)
	case resultEntry:
	default:
		t.lost = true
	}
}

// subquery is the lineage of a subquery in FROM, or of one in WITH that FROM names.
func (t *tracer) subquery(s *scope, e *rangeEntry) *lineage {
	switch {
	case e.lineage != nil:
	case e.kind == subqueryEntry:
		e.lineage = t.query(e.node.field("subquery"), s)
	default:
		e.lineage = &lineage{}
		if s = s.up(t.number(e.node, "ctelevelsup")); s != nil && s.with[e.node.field("ctename").text] != nil {
			e.lineage = t.commonTable(s, s.with[e.node.field("ctename").text])
		} else {
			t.lost = true
		}
	}
	return e.lineage
}

// commonTable traces a query of WITH once. While a recursive one is being traced
// it reads, of itself, nothing more.
func (t *tracer) commonTable(s *scope, c *commonTable) *lineage {
	switch {
	case c.begun:
		if c.lineage == nil {
			t.lost = true
			return &lineage{}
		}
	case c.recursive:
		c.begun = true
		c.lineage = &lineage{rows: reads{}, opaque: true}
		c.lineage.rows.add(t.query(c.query, s).all(), false)
	default:
		c.begun = true
		c.lineage = t.query(c.query, s)
	}
	return c.lineage
}

// column traces a column of an item of FROM by its number; 0 is the whole row.
func (t *tracer) column(s *scope, e *rangeEntry, number int) reads {
	if known, asked := e.columns[number]; asked {
		t.lost = t.lost || known == nil
		return known
	}
	e.columns[number] = nil
	found := reads{}
	switch e.kind {
	case relationEntry:
		d := Dependency{Relation: t.relation(e), Column: int16(number), Whole: number == 0}
		found[d] = false
		t.mentioned.add(found, false)
	case subqueryEntry, withEntry:
		l := t.subquery(s, e)
		switch {
		case number == 0:
			for _, column := range l.columns {
				found.add(column, false)
			}
		case number > 0 && number <= len(l.columns):
			found.add(l.columns[number-1], false)
		case !l.opaque:
			t.lost = true
		}
	case joinEntry:
		t.element(s, e.node.field("joinaliasvars"), number, found)
	case groupEntry:
		t.element(s, e.node.field("groupexprs"), number, found)
	case valuesEntry:
		rows := e.node.field("values_lists").items
		for i := range rows {
			t.element(s, &rows[i], number, found)
		}
	case functionEntry, tableFuncEntry:
	default:
		t.lost = true
	}
	e.columns[number] = found
	return found
}

// element traces an expression of a list by its number, or all of them for 0.
func (t *tracer) element(s *scope, list *node, number int, into reads) {
	switch {
	case number == 0:
		t.expr(s, list, into, false)
	case number > 0 && number <= len(list.items):
		t.expr(s, &list.items[number-1], into, false)
	default:
		t.lost = true
	}
}

// expr traces an expression, or a list of some. planned tells that a plan could
// show it.
func (t *tracer) expr(s *scope, n *node, into reads, planned bool) {
	if t.lost {
		return
	}
	if n.kind == typedNode {
		switch n.text {
		case "VAR":
			t.variable(s, n, into, planned)
			return
		case "SUBLINK":
			const exists = "0" // EXISTS_SUBLINK, to which columns do not matter
			l := t.query(n.field("subselect"), s)
			if n.field("subLinkType").text != exists {
				into.add(l.all(), true)
			}
			into.add(l.rows, true)
			t.expr(s, n.field("testexpr"), into, true)
			return
		case "AGGREF", "WINDOWFUNC":
			planned = true
		default:
			if !expressions[n.text] {
				t.lost = true
				return
			}
		}
	}
	for i := range n.items {
		t.expr(s, &n.items[i], into, planned)
	}
}

// variable traces a reference to a column. One out of a LATERAL item can be a
// key of a cache, which a plan shows.
func (t *tracer) variable(s *scope, n *node, into reads, planned bool) {
	levels := t.number(n, "varlevelsup")
	if s = s.up(levels); s == nil {
		t.lost = true
		return
	}
	column := t.column(s, t.entry(s, t.number(n, "varno")), t.number(n, "varattno"))
	into.add(column, planned || levels > 0)
}

// expressions are the types of node that an expression is made of and that hold
// no reference but in what is below them. PostgreSQL 15 has shorter names for some.
var expressions = map[string]bool{
	"ARRAY": true, "ARRAYCOERCEEXPR": true, "ARRAYEXPR": true, "BOOLEANTEST": true, "BOOLEXPR": true,
	"CASE": true, "CASEEXPR": true, "CASETESTEXPR": true, "CASEWHEN": true, "COALESCE": true, "COALESCEEXPR": true,
	"COERCETODOMAIN": true, "COERCETODOMAINVALUE": true, "COERCEVIAIO": true, "COLLATEEXPR": true, "CONST": true,
	"CONVERTROWTYPEEXPR": true, "DISTINCTEXPR": true, "FIELDSELECT": true, "FIELDSTORE": true, "FUNCEXPR": true,
	"GROUPINGFUNC": true, "JSONBEHAVIOR": true, "JSONCONSTRUCTOREXPR": true, "JSONEXPR": true, "JSONFORMAT": true,
	"JSONISPREDICATE": true, "JSONRETURNING": true, "JSONTABLEPATH": true, "JSONTABLEPATHSCAN": true,
	"JSONTABLESIBLINGJOIN": true, "JSONVALUEEXPR": true, "MINMAX": true, "MINMAXEXPR": true, "NAMEDARGEXPR": true,
	"NULLIFEXPR": true, "NULLTEST": true, "OPEXPR": true, "PARAM": true, "RANGETBLFUNCTION": true, "RELABELTYPE": true,
	"ROW": true, "ROWCOMPARE": true, "ROWCOMPAREEXPR": true, "ROWEXPR": true, "SCALARARRAYOPEXPR": true,
	"SORTGROUPCLAUSE": true, "SQLVALUEFUNCTION": true, "SUBSCRIPTINGREF": true, "TABLEFUNC": true,
	"TABLESAMPLECLAUSE": true, "TARGETENTRY": true, "WHEN": true, "WINDOWCLAUSE": true, "XMLEXPR": true,
}

// entry is the entry of a range table by its number, from 1.
func (t *tracer) entry(s *scope, number int) *rangeEntry {
	if number < 1 || number > len(s.tables) {
		t.lost = true
		return &rangeEntry{node: &node{}, kind: resultEntry, columns: map[int]reads{}}
	}
	return s.tables[number-1]
}

// relation is the OID of the relation that an entry stands for.
func (t *tracer) relation(e *rangeEntry) uint32 { return uint32(t.number(e.node, "relid")) }

func (t *tracer) number(n *node, field string) int {
	number, ok := n.number(field)
	t.lost = t.lost || !ok
	return number
}

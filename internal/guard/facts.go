package guard

import (
	"slices"
	"strconv"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// Facts are what a statement does, for those who ask whether it means what was
// wanted. They decide nothing about whether it may run, and what they do not tell
// may be so all the same.
type Facts struct {
	Levels      []Level      // each SELECT that reads something
	Comparisons []Comparison // of columns with text
	Constants   []string     // every constant, as text
	Filtered    bool         // something chooses between rows: WHERE, HAVING, FILTER, CASE
	Unordered   bool         // LIMIT takes rows that nothing puts in order
	Clock       bool         // the result depends on the time, or on chance
}

// A Comparison is of a table's column with a constant text, by =, <>, IN, LIKE and
// their kind.
type Comparison struct {
	Relation *catalog.Relation
	Column   *catalog.Column
	Value    string
	Pattern  bool // of LIKE
}

// Facts are what the statement does.
func (s Statement) Facts() Facts { return s.facts }

// A selection gathers the facts of one SELECT while it is read.
type selection struct {
	sources    []*item
	links      []link
	aggregates []aggregate
	plain      []*column
}

type link struct{ a, b *column } // of two items; equal if both name a column, else one is only touched

type aggregate struct {
	name    string
	columns []*column
}

// mentions runs f and returns the columns of FROM that it mentions. Whoever collects
// around it gets them too.
func (r *resolver) mentions(f func()) []*column {
	outer := r.mentioned
	r.mentioned = nil
	f()
	inner := r.mentioned
	r.mentioned = append(outer, inner...)
	return inner
}

// source counts an item of FROM, which mentions these columns.
func (q *query) source(it *item, mentioned []*column) {
	for i := range it.columns {
		it.columns[i].from = it
	}
	q.level.sources = append(q.level.sources, it)
	for _, c := range mentioned {
		q.level.links = append(q.level.links, link{&column{from: it}, &column{from: c.from}})
	}
}

// linking reads a condition of WHERE or ON, each part that must hold for itself.
func (r *resolver) linking(q *query, n *pg_query.Node) {
	own := &q.level
	if b := n.GetBoolExpr(); b != nil && b.Boolop == pg_query.BoolExprType_AND_EXPR {
		for _, part := range b.Args {
			r.linking(q, part)
		}
		return
	}
	columns := r.mentions(func() { r.condition(q, n) })
	e := n.GetAExpr()
	if e != nil && e.Kind == pg_query.A_Expr_Kind_AEXPR_OP && len(columns) == 2 &&
		e.Lexpr.GetColumnRef() != nil && e.Rexpr.GetColumnRef() != nil && slices.Equal(stringsOf(e.Name), []string{"="}) {
		own.links = append(own.links, link{columns[0], columns[1]})
		return
	}
	for i := 1; i < len(columns); i++ {
		own.links = append(own.links, link{&column{from: columns[0].from}, &column{from: columns[i].from}})
	}
}

// compared notes a comparison of what was read from l, and mentions columns, with r.
func (r *resolver) compared(kind pg_query.A_Expr_Kind, op string, columns []*column, constant *pg_query.Node) {
	pattern := kind == pg_query.A_Expr_Kind_AEXPR_LIKE || kind == pg_query.A_Expr_Kind_AEXPR_ILIKE
	text, ok := comparedText(constant)
	if !ok || !pattern && op != "=" && op != "<>" || len(columns) == 0 {
		return
	}
	c := columns[0]
	if c.rel == nil || slices.ContainsFunc(columns, func(o *column) bool { return o.source != c.source }) {
		return
	}
	r.facts.Comparisons = append(r.facts.Comparisons, Comparison{c.rel, c.source, text, pattern})
}

// comparedText is the text of a constant, cast or not.
func comparedText(n *pg_query.Node) (string, bool) {
	if cast := n.GetTypeCast(); cast != nil {
		return comparedText(cast.Arg)
	}
	if f := n.GetFuncCall(); f != nil && len(f.Args) == 1 { // lower('Ann')
		if name := stringsOf(f.Funcname); name[len(name)-1] == "lower" || name[len(name)-1] == "upper" {
			return comparedText(f.Args[0])
		}
	}
	v, ok := n.GetAConst().GetVal().(*pg_query.A_Const_Sval)
	if !ok {
		return "", false
	}
	return v.Sval.Sval, true
}

// constantFact notes a constant.
func (r *resolver) constantFact(c *pg_query.A_Const) {
	switch v := c.Val.(type) {
	case *pg_query.A_Const_Sval:
		r.facts.Constants = append(r.facts.Constants, v.Sval.Sval)
	case *pg_query.A_Const_Ival:
		r.facts.Constants = append(r.facts.Constants, strconv.Itoa(int(v.Ival.Ival)))
	case *pg_query.A_Const_Fval:
		r.facts.Constants = append(r.facts.Constants, v.Fval.Fval)
	}
}

// callFact notes a call of a function whose arguments mention these columns.
func (r *resolver) callFact(q *query, name string, n *pg_query.FuncCall, columns []*column) {
	r.facts.Filtered = r.facts.Filtered || n.AggFilter != nil
	switch name {
	case "now", "transaction_timestamp", "statement_timestamp", "clock_timestamp", "timeofday", "random", "gen_random_uuid":
		r.facts.Clock = true
	case "age":
		r.facts.Clock = r.facts.Clock || len(n.Args) == 1
	case "count", "sum", "avg":
		if n.Over == nil && !n.AggDistinct && len(columns) > 0 {
			q.level.aggregates = append(q.level.aggregates, aggregate{name, columns})
		}
	}
}

// limitFact notes whether LIMIT leaves to chance which rows it takes.
func (r *resolver) limitFact(s *pg_query.SelectStmt) {
	if s.LimitCount == nil || s.LimitCount.GetAConst().GetIsnull() || len(s.SortClause) > 0 || len(s.ValuesLists) > 0 {
		return
	}
	r.facts.Unordered = r.facts.Unordered || !gathersIntoOneRow(s)
}

// selectFact notes the facts of a SELECT that has been read.
func (r *resolver) selectFact(q *query, s *pg_query.SelectStmt) {
	r.facts.Filtered = r.facts.Filtered || s.WhereClause != nil || s.HavingClause != nil
	if len(q.level.sources) == 0 || r.refused() {
		return
	}
	number := map[*item]int{}
	var l Level
	for i, it := range q.level.sources {
		number[it] = i
		l.Sources = append(l.Sources, Source{Name: it.name, One: it.one})
	}
	// Items of other levels connect too: those of a subquery by what is around it.
	of := func(c *column) int {
		n, ok := number[c.from]
		if !ok {
			n = len(number)
			number[c.from] = n
		}
		return n
	}
	type pair struct{ a, b int }
	keys := map[pair][2][]string{}
	for _, k := range q.level.links {
		a, b := of(k.a), of(k.b)
		if a > b {
			a, b, k = b, a, link{k.b, k.a}
		}
		if a == b {
			continue
		}
		names := keys[pair{a, b}]
		if k.a.name != "" && k.b.name != "" {
			names[0], names[1] = append(names[0], sourceName(k.a)), append(names[1], sourceName(k.b))
		}
		keys[pair{a, b}] = names
	}
	for p, names := range keys {
		k := Link{A: p.a, B: p.b, Equal: len(names[0]) > 0}
		if p.b < len(l.Sources) && k.Equal {
			a, b := q.level.sources[p.a].table, q.level.sources[p.b].table
			k.OpenA, k.OpenB = keyless(a), keyless(b)
			k.KeyA, k.KeyB = k.OpenA || isKey(a, names[0]), k.OpenB || isKey(b, names[1])
		}
		l.Links = append(l.Links, k)
	}
	slices.SortFunc(l.Links, func(x, y Link) int {
		if x.A != y.A {
			return x.A - y.A
		}
		return x.B - y.B
	})
	own := func(columns []*column) []int {
		var out []int
		for _, c := range columns {
			if n, ok := number[c.from]; ok && n < len(l.Sources) && !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
		slices.Sort(out)
		return out
	}
	for _, a := range q.level.aggregates {
		if sources := own(a.columns); len(sources) > 0 {
			l.Aggregates = append(l.Aggregates, Aggregate{a.name, sources})
		}
	}
	l.Plain = own(q.level.plain)
	r.facts.Levels = append(r.facts.Levels, l)
}

func sourceName(c *column) string {
	if c.source != nil {
		return c.source.Name
	}
	return c.name
}

// keyless reports whether nothing says which rows of a relation are one of a kind:
// it is a view, or a table without keys.
func keyless(rel *catalog.Relation) bool {
	return rel != nil && rel.PrimaryKey == nil && rel.Unique == nil
}

// isKey reports whether no two rows of a table agree in these columns. Of a subquery,
// which mostly gathers rows on purpose, it is taken to be so.
func isKey(rel *catalog.Relation, columns []string) bool {
	if rel == nil {
		return true
	}
	for _, key := range append([][]string{rel.PrimaryKey}, rel.Unique...) {
		if len(key) > 0 && !slices.ContainsFunc(key, func(name string) bool { return !slices.Contains(columns, name) }) {
			return true
		}
	}
	return false
}

// givesOneRow reports whether a SELECT plainly gives one row at most.
func givesOneRow(s *pg_query.SelectStmt) bool {
	switch {
	case s == nil || s.Op != pg_query.SetOperation_SETOP_NONE:
		return false
	case len(s.ValuesLists) > 0:
		return len(s.ValuesLists) == 1
	case s.LimitCount.GetAConst().GetIval() != nil && s.LimitCount.GetAConst().GetIval().Ival <= 1:
		return true
	}
	return gathersIntoOneRow(s)
}

// gathersIntoOneRow reports whether a SELECT plainly makes one row of all it reads.
func gathersIntoOneRow(s *pg_query.SelectStmt) bool {
	switch {
	case s.Op != pg_query.SetOperation_SETOP_NONE || len(s.GroupClause) > 0:
		return false
	case len(s.FromClause) == 0 || s.HavingClause != nil:
		return true
	}
	return slices.ContainsFunc(s.TargetList, func(n *pg_query.Node) bool { return aggregates(n.GetResTarget().GetVal()) })
}

// aggregates reports whether an expression of a target list plainly has an aggregate.
func aggregates(n *pg_query.Node) bool {
	switch n := n.GetNode().(type) {
	case *pg_query.Node_FuncCall:
		return isAggregate(n.FuncCall) || slices.ContainsFunc(n.FuncCall.Args, aggregates)
	case *pg_query.Node_AExpr:
		return aggregates(n.AExpr.Lexpr) || aggregates(n.AExpr.Rexpr)
	case *pg_query.Node_TypeCast:
		return aggregates(n.TypeCast.Arg)
	case *pg_query.Node_CoalesceExpr:
		return slices.ContainsFunc(n.CoalesceExpr.Args, aggregates)
	}
	return false
}

// isAggregate reports whether a call is one of an aggregate that questions are
// answered with.
func isAggregate(n *pg_query.FuncCall) bool {
	names := stringsOf(n.Funcname)
	switch names[len(names)-1] {
	case "count", "sum", "avg", "min", "max", "bool_and", "bool_or", "every", "array_agg", "string_agg", "json_agg", "jsonb_agg",
		"percentile_cont", "percentile_disc", "mode", "stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop", "corr":
		return n.Over == nil
	}
	return false
}

package guard

import (
	"cmp"
	"slices"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// call reads a function call with all its clauses and judges the function.
func (r *resolver) call(q *query, n *pg_query.FuncCall) typ {
	if it, name := r.columnCall(q, n); it != nil {
		return r.itemColumn(it, name, n.Location)
	}
	around := r.mentioned
	var args []typ
	columns := r.mentions(func() { args = r.exprs(q, n.Args) })
	order := r.sortList(q, n.AggOrder)
	r.condition(q, n.AggFilter)
	r.window(q, n.Over)
	schema, name, ok := r.split(stringsOf(n.Funcname), "function", n.Location)
	if !ok {
		return typ{}
	}
	if schema == "" || schema == "pg_catalog" {
		r.callFact(q, name, n, columns)
		if isAggregate(n) { // its columns are not given as they are
			r.mentioned = around
		}
	}
	if n.AggWithinGroup {
		args = append(args[:len(args):len(args)], order...)
	}
	t := r.function(schema, name, args, n)
	t.made = made(args...)
	if schema == "" || schema == "pg_catalog" {
		t.made = r.makes(name, n, args)
	}
	return t
}

// columnCall is the item of FROM and the name of its column, if a call is one in
// function notation, name(t), and no function has that name: those come first.
func (r *resolver) columnCall(q *query, n *pg_query.FuncCall) (*item, string) {
	if len(n.Funcname) != 1 || len(n.Args) != 1 || n.AggOrder != nil || n.AggFilter != nil || n.Over != nil || n.AggDistinct || n.FuncVariadic || r.refused() {
		return nil, ""
	}
	name := n.Funcname[0].GetString_().GetSval()
	cast := catalogTypeNamed(name) != nil // what is called like a type makes one, and never of a row
	if r.routine(name) != nil && !cast || slices.ContainsFunc(r.catalog.FunctionsNamed(name), func(f *catalog.Function) bool { return r.visible("", f.Schema) }) {
		return nil, ""
	}
	it := r.rowOf(q, n.Args[0])
	if it == nil {
		return nil, ""
	}
	if _, how := it.column(name); how != found {
		return nil, ""
	}
	return it, name
}

// function judges a function and returns what it returns. PostgreSQL chooses
// among all functions of the name in the search path: each user-defined one that
// it could choose must be allowed.
func (r *resolver) function(schema, name string, args []typ, n *pg_query.FuncCall) typ {
	at := n.Location
	own := schema == "" || schema == "pg_catalog"
	builtin := own && r.policy.Builtin(name)
	var chosen, others []*catalog.Function
	for _, f := range r.catalog.FunctionsNamed(name) {
		if !r.visible(schema, f.Schema) {
			continue
		}
		if !r.couldCall(f, args, n) {
			others = append(others, f)
			continue
		}
		if !r.policy.Function(f) {
			hint := ""
			if builtin {
				hint = "for PostgreSQL's own function write pg_catalog." + catalog.Quote(name)
			}
			r.refuse(BlockedFunction, at, hint, "function %s may not be called", qualified(schema, name))
			return typ{}
		}
		chosen = append(chosen, f)
	}
	for _, f := range chosen {
		r.functions[f.Schema+"."+f.Name] = true
	}
	r.convertArguments(chosen, args, n)
	switch {
	case builtin && len(chosen) > 0:
		r.functions["pg_catalog."+name] = true
		if result := r.functionResult(chosen, at); r.reveals(result) {
			return result
		}
		return typ{}
	case builtin:
		r.functions["pg_catalog."+name] = true
		for _, t := range args {
			r.convert(t, implicitly, at)
			if strings.Contains(name, "json") {
				r.encode(t, at)
			}
		}
		return r.builtinResult(name, args, at)
	case own && r.routine(name) != nil:
		hint := ""
		if schema == "" && len(chosen) > 0 {
			hint = "for a function of yours write SCHEMA." + catalog.Quote(name)
		}
		r.refuseRoutine(name, hint, at)
	case len(chosen) > 0:
		return r.functionResult(chosen, at)
	case len(others) > 0 && slices.ContainsFunc(others, r.policy.Function):
		r.refuse(UnknownFunction, at, "its arguments: "+others[0].Arguments, "function %s does not take these arguments", qualified(schema, name))
	case schema == "" && len(args) == 1 && len(n.Args) == 1 && r.hasAttribute(args[0], name):
		return r.attribute(args[0], name, at) // a column in function notation
	default:
		r.refuseFunction(schema, name, at)
	}
	return typ{}
}

func (r *resolver) hasAttribute(t typ, name string) bool {
	fields, _ := r.attributes(t)
	return slices.ContainsFunc(fields, func(c column) bool { return c.name == name })
}

// builtinFunction judges a function of pg_catalog.
func (r *resolver) builtinFunction(name string, at int32) {
	if !r.policy.Builtin(name) {
		r.refuseRoutine(name, "", at)
		return
	}
	r.functions["pg_catalog."+name] = true
}

func (r *resolver) refuseFunction(schema, name string, at int32) {
	r.refuse(UnknownFunction, at, cmp.Or(r.newerRoutine(name), r.nearestFunction(name)), "there is no function %s that may be called", qualified(schema, name))
}

// functionResult is what the functions return that PostgreSQL could choose.
func (r *resolver) functionResult(chosen []*catalog.Function, at int32) typ {
	result := r.resultOf(chosen[0])
	for _, f := range chosen[1:] {
		if f.ResultTypeOID == chosen[0].ResultTypeOID && f.ResultTypeOID != recordOID {
			continue
		}
		if r.reveals(result) || r.reveals(r.resultOf(f)) {
			r.refuse(BlockedFunction, at, "cast the arguments", "function %s may be one that returns what may not be read", f.Name)
		}
		result = typ{}
	}
	return result
}

func (r *resolver) resultOf(f *catalog.Function) typ {
	switch {
	case len(f.OutColumns) > 1:
		return typ{class: record, fields: r.typeColumns(nil, f.OutColumns)}
	case len(f.OutColumns) == 1:
		return columnType(&f.OutColumns[0])
	}
	return typeWithElement(f.ResultTypeOID, f.ResultElement)
}

// couldCall reports whether PostgreSQL could choose f for these arguments.
func (r *resolver) couldCall(f *catalog.Function, args []typ, n *pg_query.FuncCall) bool {
	if slices.ContainsFunc(n.Args, func(a *pg_query.Node) bool { return a.GetNamedArgExpr() != nil }) {
		return true
	}
	if r.constantsPassBy(f, args) {
		return false
	}
	fixed := len(f.ArgumentTypes)
	if strings.Contains(f.Arguments, "VARIADIC ") {
		fixed-- // how many more there are, and of what type, is left open
	} else if len(args) > fixed {
		return false
	}
	for i, t := range args[:min(len(args), fixed)] {
		if !r.couldBe(t, f.ArgumentTypes[i]) {
			return false
		}
	}
	return true
}

// constantsPassBy reports whether a call with nothing but constants goes to a
// function of pg_catalog rather than to f: PostgreSQL takes constants for text, or
// cannot decide, but not for rows or enums.
func (r *resolver) constantsPassBy(f *catalog.Function, args []typ) bool {
	if len(args) == 0 || len(args) > len(f.ArgumentTypes) || !r.takes(f.Name, len(args)) {
		return false
	}
	rows := false
	for i, t := range args {
		if t.class != literal {
			return false
		}
		oid := f.ArgumentTypes[i]
		rows = rows || r.catalog.RowOf(oid) != nil || r.catalog.Enum(oid) != nil
	}
	return rows
}

package guard

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// A conversion is how a value comes to another type: which casts PostgreSQL
// applies depends on it.
type conversion uint8

const (
	implicitly   conversion = iota // as an argument, an operand or one arm of several
	byAssignment                   // where one type is wanted, as a condition or a count is
	explicitly                     // a cast is written
)

func (c conversion) applies(cast *catalog.Cast) bool {
	switch cast.Context {
	case "implicit":
		return true
	case "assignment":
		return c >= byAssignment
	}
	return c == explicitly
}

// castAllowed reports whether a user-defined cast runs no function that is not allowed.
func (r *resolver) castAllowed(c *catalog.Cast) bool {
	f := r.catalog.FunctionByOID(c.Function)
	return c.Function < catalog.FirstUserOID || f != nil && r.policy.Function(f)
}

// refuseCasts refuses if a user-defined cast that matches is not allowed.
func (r *resolver) refuseCasts(how conversion, at int32, match func(*catalog.Cast) bool) {
	for _, c := range r.catalog.Casts {
		if how.applies(c) && match(c) && !r.castAllowed(c) {
			what := "the cast"
			if how != explicitly {
				what = "a conversion that PostgreSQL adds here"
			}
			r.refuse(BlockedType, at, "", "%s may run a user-defined function that is not allowed", what)
			return
		}
	}
}

// convert judges the use of a value where another type may be wanted. What a
// type of PostgreSQL's own becomes as an argument of a user-defined function or
// operator, convertTo judges.
func (r *resolver) convert(t typ, how conversion, at int32) {
	switch t = r.withoutDomain(t); t.class {
	case array:
		r.convert(*t.elem, how, at)
	case literal, record, absent:
		return
	}
	r.refuseCasts(how, at, func(c *catalog.Cast) bool {
		return r.couldCast(t, c.Source) && (t.class != builtin || c.Target < catalog.FirstUserOID)
	})
}

// convertTo judges making a value of type target of one of type t. Rows are
// converted attribute by attribute, arrays element by element.
func (r *resolver) convertTo(target, t typ, how conversion, at int32) {
	target, t = r.withoutDomain(target), r.withoutDomain(t)
	if target.isArray() {
		r.convertTo(target.element(), t.element(), how, at)
		return
	}
	if target.class == user && t.class == user && target.oid == t.oid {
		return
	}
	if t.class == record {
		fields, _ := r.attributes(target)
		for i, f := range fields[:min(len(fields), len(t.fields))] {
			r.convertTo(f.typ, t.fields[i].typ, how, at)
		}
	}
	if target.class != user && target.class != builtin {
		return
	}
	r.refuseCasts(how, at, func(c *catalog.Cast) bool {
		return (c.Target == target.oid || target.oid == 0 && c.Target < catalog.FirstUserOID) && r.couldCast(t, c.Source)
	})
}

// convertArguments judges what becomes of the arguments of user-defined functions.
func (r *resolver) convertArguments(chosen []*catalog.Function, args []typ, n *pg_query.FuncCall) {
	named := slices.ContainsFunc(n.Args, func(a *pg_query.Node) bool { return a.GetNamedArgExpr() != nil })
	for _, f := range chosen {
		for i, t := range args {
			parameters := f.ArgumentTypes[min(i, max(0, len(f.ArgumentTypes)-1)):]
			if named {
				parameters = f.ArgumentTypes
			} else if len(parameters) > 1 {
				parameters = parameters[:1]
			}
			for _, oid := range parameters {
				if !isPolymorphic(oid) {
					r.convertTo(typeOf(oid), t, implicitly, n.Location)
				}
			}
		}
	}
}

// encode judges writing a value as JSON: PostgreSQL uses a cast of a
// user-defined type to json even where none is written.
func (r *resolver) encode(t typ, at int32) {
	r.refuseCasts(explicitly, at, func(c *catalog.Cast) bool {
		return c.Target == jsonOID && c.Source >= catalog.FirstUserOID && r.holds(t, c.Source)
	})
}

// holds reports whether values of type t may be made of ones of the type oid.
func (r *resolver) holds(t typ, oid uint32) bool {
	if t.class == user && t.oid == oid {
		return true
	}
	if base := r.withoutDomain(t); base.class != t.class || base.oid != t.oid {
		return r.holds(base, oid)
	}
	if t.class == array {
		return r.holds(*t.elem, oid)
	}
	fields, known := r.attributes(t) // no type is an attribute of itself
	return t.class == anything || t.class == record && !known || slices.ContainsFunc(fields, func(c column) bool { return r.holds(c.typ, oid) })
}

// couldCast reports whether a value of type t may have the source type of a cast.
// A constant is read by its type's input function and needs none.
func (r *resolver) couldCast(t typ, source uint32) bool {
	switch t.class {
	case anything:
		return true
	case builtin:
		return t.oid == source || t.oid == 0 && source < catalog.FirstUserOID
	case user:
		return t.oid == source || r.inherits(t.oid, source)
	case array:
		return r.isUnlisted(source)
	}
	return false
}

// condition reads an expression that must come to be of one type of PostgreSQL's
// own: a truth value, a count, a document.
func (r *resolver) condition(q *query, n *pg_query.Node) typ {
	t := r.expr(q, n)
	r.convert(t, byAssignment, location(n))
	return t
}

func (r *resolver) conditions(q *query, list []*pg_query.Node) {
	for _, n := range list {
		r.condition(q, n)
	}
}

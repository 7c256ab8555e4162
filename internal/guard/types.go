package guard

import (
	"slices"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// A typ is what the guard knows of an expression's type: enough to tell whether
// a name after a dot is an attribute, and whether a user-defined operator,
// function or cast could be chosen. The zero value is a type that is not known,
// which could be any.
type typ struct {
	class  class
	oid    uint32   // builtin: the type, 0 if only known to be one of pg_catalog's; user: the type
	elem   *typ     // array: of what
	fields []column // record: its attributes; nil if they are not known

	// made is how much of a value the statement itself makes, in characters or
	// elements, at most; what comes from tables does not count.
	made float64
}

type class uint8

const (
	anything class = iota
	literal        // a string constant or NULL, whose type the context decides
	builtin        // a scalar, array or range of pg_catalog
	user           // a type outside pg_catalog; rows of relations too
	array          // of something that is not builtin
	record         // a row of no relation
	absent         // no operand: the left side of a prefix operator
)

var (
	scalar  = typ{class: builtin}
	boolean = typ{class: builtin, oid: 16}
	null    = typ{class: literal}

	unknownRow = typ{class: record}
)

func builtinType(oid uint32) typ { return typ{class: builtin, oid: oid} }

// columnType is the type of a relation's column.
func columnType(c *catalog.Column) typ { return typeWithElement(c.TypeOID, c.Element) }

// typeWithElement is a type by its OID and, if it is an array, its elements'.
func typeWithElement(oid, element uint32) typ {
	if element >= catalog.FirstUserOID {
		return arrayOf(typeOf(element))
	}
	return typeOf(oid)
}

func typeOf(oid uint32) typ {
	switch {
	case oid == 0 || oid == recordOID:
		return typ{}
	case oid < catalog.FirstUserOID:
		return builtinType(oid)
	}
	return typ{class: user, oid: oid}
}

func arrayOf(t typ) typ {
	switch {
	case t.isArray():
		return t // of more dimensions
	case t.class == literal:
		return builtinType(arrayOID(textOID))
	case t.class == builtin && arrayOID(t.oid) != 0:
		return builtinType(arrayOID(t.oid))
	}
	return typ{class: array, elem: &t}
}

func (t typ) isArray() bool {
	return t.class == array || t.class == builtin && elementOID(t.oid) != 0
}

// settled is the type of what a constant of type t would have to be, were it to
// give a polymorphic function its type: PostgreSQL does not know it.
func (t typ) settled() typ {
	if t.class == literal {
		return typ{}
	}
	return t
}

// element is the type of an array's elements.
func (t typ) element() typ {
	switch t.class {
	case array:
		return *t.elem
	case builtin:
		return builtinType(elementOID(t.oid))
	case literal:
		return null
	}
	return typ{}
}

// common is the type of a value that is one or the other.
func (r *resolver) common(a, b typ) typ {
	t := r.commonType(a, b)
	t.made = max(a.made, b.made)
	return t
}

func (r *resolver) commonType(a, b typ) typ {
	switch {
	case a.class == literal:
		return b
	case b.class == literal:
		return a
	case a.class == user && b.class == user && a.oid == b.oid:
		return a
	}
	a, b = r.withoutDomain(a), r.withoutDomain(b)
	switch {
	case (a.class == builtin || a.class == user) && a.class == b.class && a.oid == b.oid:
		return a
	case a.isArray() && b.isArray():
		return arrayOf(r.common(a.element(), b.element()))
	case a.class == record && b.class == record:
		return unknownRow
	}
	r.convert(a, implicitly, -1)
	r.convert(b, implicitly, -1)
	switch {
	case a.class == builtin && b.class == builtin:
		return scalar
	case a.class == user || b.class == user:
		r.convertTo(a, b, implicitly, -1)
		r.convertTo(b, a, implicitly, -1)
	}
	return typ{}
}

func (r *resolver) commonOf(types []typ) typ {
	t := null
	for _, u := range types {
		t = r.common(t, u)
	}
	return t
}

// attributes are the attributes of a composite type; known is false when t is
// not composite or its attributes cannot be told.
func (r *resolver) attributes(t typ) (fields []column, known bool) {
	switch t.class {
	case record:
		return t.fields, t.fields != nil
	case user:
		if cols := r.catalog.Attributes(t.oid); cols != nil {
			return r.typeColumns(r.catalog.RowOf(t.oid), cols), true
		}
	}
	return nil, false
}

// reveals reports whether a value of type t shows what may not be read.
func (r *resolver) reveals(t typ) bool {
	switch t.class {
	case user:
		return r.policy.Reveals(t.oid)
	case array:
		return r.reveals(*t.elem)
	case record:
		return slices.ContainsFunc(t.fields, func(c column) bool { return c.hidden })
	}
	return false
}

func (r *resolver) typeColumns(rel *catalog.Relation, cols []catalog.Column) []column {
	fields := make([]column, len(cols))
	for i := range cols {
		t := columnType(&cols[i])
		fields[i] = column{name: cols[i].Name, typ: t, hidden: r.reveals(t)}
		if rel != nil {
			fields[i].row = rel
			fields[i].source = &cols[i]
		}
	}
	return fields
}

package guard

import (
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// typeName reads the name of a type and judges whether values of it may be made.
func (r *resolver) typeName(n *pg_query.TypeName) typ {
	if n == nil {
		return typ{}
	}
	t := r.baseType(n)
	for _, m := range n.Typmods {
		// numeric(10,2), or geometry(Point): a bare word is a word here, no column.
		if _, bare := bareName(m); m.GetAConst() == nil && !bare {
			r.refuse(NotSupported, n.Location, "", "this kind of type modifier is not understood")
		}
	}
	if len(n.ArrayBounds) > 0 {
		return arrayOf(t)
	}
	if len(n.Typmods) == 1 && (t.oid == bpcharOID || t.oid == bitOID) { // which pad what is shorter
		width, _ := constantValue(n.Typmods[0])
		t.made = max(width, 0)
	}
	return t
}

func (r *resolver) baseType(n *pg_query.TypeName) typ {
	schema, name, ok := r.split(stringsOf(n.Names), "type", n.Location)
	if !ok {
		return typ{}
	}
	return r.namedType(schema, name, n.Location)
}

// namedType finds a type. The name of an array type is that of its elements
// with "_" before it.
func (r *resolver) namedType(schema, name string, at int32) typ {
	if schema == "" || schema == "pg_catalog" {
		if t := catalogTypeNamed(name); t != nil {
			return builtinType(t.oid)
		}
		if element, ok := strings.CutPrefix(name, "_"); ok && catalogTypeNamed(element) != nil {
			return arrayOf(r.namedType(schema, element, at))
		}
		if schema == "pg_catalog" || isCatalogOnlyType(name) {
			r.refuse(BlockedType, at, "", "type %s may not be used", name)
			return typ{}
		}
	}
	oid := r.catalog.ResolveType(schema, name, r.policy.SearchPath)
	if element, ok := strings.CutPrefix(name, "_"); ok && oid == 0 {
		return arrayOf(r.namedType(schema, element, at))
	}
	if oid == 0 {
		r.refuse(UnknownType, at, r.nearestType(name), "there is no type %s", qualified(schema, name))
		return typ{}
	}
	if !r.policy.Type(oid) {
		r.refuse(BlockedType, at, "", "type %s may not be used", qualified(schema, name))
		return typ{}
	}
	return typeOf(oid)
}

// isCatalogOnlyType reports whether a bare name means a type of pg_catalog that
// statements may not name: those come first, whatever types users made.
func isCatalogOnlyType(name string) bool {
	switch name {
	case "aclitem", "cstring", "gtsvector", "internal", "record", "trigger", "event_trigger", "unknown", "void",
		"language_handler", "fdw_handler", "tsm_handler", "index_am_handler", "table_am_handler":
		return true
	}
	return strings.HasPrefix(name, "reg") || strings.HasPrefix(name, "any") || isReserved(name)
}

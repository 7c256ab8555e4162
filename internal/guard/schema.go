package guard

import (
	"slices"
	"strings"
)

// schema judges a schema that was named, and the database before it; an empty
// one is fine. It refuses what is not readable in the same words, whether it
// exists or not.
func (r *resolver) schema(database, schema string, at int32) bool {
	if database != "" && database != r.catalog.Database {
		r.refuse(UnknownTable, at, "", "a statement can read the database it is sent to only, not %s", database)
		return false
	}
	if schema == "" || slices.Contains(r.policy.SearchPath, schema) {
		return true
	}
	hint := "schemas that may be read: " + strings.Join(r.policy.SearchPath, ", ")
	if schema == "information_schema" || isReserved(schema) {
		hint = askForObjects
	}
	r.refuse(BlockedSchema, at, hint, "schema %s may not be read", schema)
	return false
}

// split is the schema and the name of a function, type or other object; the schema
// is empty if none is named, and else pg_catalog or one that may be read.
func (r *resolver) split(names []string, what string, at int32) (schema, name string, ok bool) {
	name, database := names[len(names)-1], ""
	switch len(names) {
	case 1:
		return "", name, true
	case 2:
		schema = names[0]
	case 3:
		database, schema = names[0], names[1]
	default:
		r.refuse(Syntax, at, "", "the name of the %s has too many parts", what)
		return "", "", false
	}
	if schema == "pg_catalog" && (database == "" || database == r.catalog.Database) {
		return schema, name, true
	}
	return schema, name, r.schema(database, schema, at)
}

// visible reports whether an object in schema is meant by a name that was
// qualified with wanted, or not qualified at all.
func (r *resolver) visible(wanted, schema string) bool {
	if wanted != "" {
		return wanted == schema
	}
	return schema == "pg_catalog" || slices.Contains(r.policy.SearchPath, schema)
}

// isReserved reports whether a name is PostgreSQL's own: pg_catalog comes first
// on every search path.
func isReserved(name string) bool { return strings.HasPrefix(name, "pg_") }

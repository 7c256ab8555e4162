package catalog

import "github.com/jackc/pgx/v5"

// typesSQL leaves out enums, the rows of relations, and the array type that comes
// with every type.
var typesSQL = `
select t.oid, n.nspname, t.typname, t.typtype::text, coalesce(nullif(t.typbasetype, 0), g.rngsubtype, 0),
	coalesce(g.rngcanonical, 0) <> 0 or exists (select from pg_constraint k where k.contypid = t.oid and k.contype = 'c'),
	t.typrelid, coalesce(e.extname, ''), coalesce(base_element.oid, 0)
from pg_type t
	join pg_namespace n on n.oid = t.typnamespace
	left join pg_class c on c.oid = t.typrelid
	left join pg_type element on element.oid = t.typelem and element.typarray = t.oid
	left join pg_range g on t.oid in (g.rngtypid, g.rngmultitypid)
	left join pg_type base_element on base_element.typarray = coalesce(nullif(t.typbasetype, 0), g.rngsubtype)` + member("pg_type", "t.oid") + `
where ` + made("t") + `and t.typtype in ('b', 'c', 'd', 'r', 'm') and coalesce(c.relkind, 'c') = 'c' and element.oid is null`

func (l *loader) readTypes(rows pgx.Rows) error {
	kinds := map[string]string{"b": "base", "c": "composite", "d": "domain", "r": "range", "m": "multirange"}
	var t Type
	var kind string
	var relation uint32
	return each(rows, func() {
		n := t
		n.Kind = kinds[kind]
		l.catalog.Types = append(l.catalog.Types, &n)
		if relation != 0 {
			l.columns[relation] = &n.Columns
		}
	}, &t.OID, &t.Schema, &t.Name, &kind, &t.Base, &t.Check, &relation, &t.Extension, &t.Element)
}

var enumsSQL = `
select t.oid, n.nspname, t.typname, array(select x.enumlabel::text from pg_enum x where x.enumtypid = t.oid order by x.enumsortorder)
from pg_type t join pg_namespace n on n.oid = t.typnamespace
where t.typtype = 'e' and ` + made("t")

func (l *loader) readEnums(rows pgx.Rows) error {
	var e Enum
	return each(rows, func() {
		n := e
		l.catalog.Enums = append(l.catalog.Enums, &n)
	}, &e.OID, &e.Schema, &e.Name, &e.Labels)
}

var castsSQL = `
select k.castsource, k.casttarget, k.castfunc, k.castcontext::text, coalesce(e.extname, '')
from pg_cast k` + member("pg_cast", "k.oid") + `
where k.oid >= 16384`

func (l *loader) readCasts(rows pgx.Rows) error {
	contexts := map[string]string{"e": "explicit", "a": "assignment", "i": "implicit"}
	var k Cast
	var context string
	return each(rows, func() {
		n := k
		n.Context = contexts[context]
		l.catalog.Casts = append(l.catalog.Casts, &n)
	}, &k.Source, &k.Target, &k.Function, &context, &k.Extension)
}

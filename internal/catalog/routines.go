package catalog

import "github.com/jackc/pgx/v5"

// Everything below FirstUserOID is PostgreSQL's own. What an extension or a
// superuser put into pg_catalog later is not, and is read too.

// member joins the extension e that an object belongs to.
func member(class, oid string) string {
	return `
	left join pg_depend m on m.classid = '` + class + `'::regclass and m.objid = ` + oid + ` and m.deptype = 'e'
	left join pg_extension e on e.oid = m.refobjid `
}

// made restricts to what is not PostgreSQL's own and not temporary.
func made(table string) string {
	return table + `.oid >= 16384 and n.nspname !~ '^pg_t' and n.nspname <> 'information_schema' `
}

var functionsSQL = `
select p.oid, n.nspname, p.proname, p.prokind::text, pg_get_function_identity_arguments(p.oid), p.proargtypes::oid[],
	coalesce(pg_get_function_result(p.oid), ''), p.prorettype, p.proretset, p.provolatile::text, p.prosecdef, l.lanname,
	coalesce(e.extname, ''), coalesce(result_element.oid, 0), o.names, o.types, o.formats, o.elements
from pg_proc p
	join pg_namespace n on n.oid = p.pronamespace
	join pg_language l on l.oid = p.prolang
	left join pg_type result_element on result_element.typarray = p.prorettype` + member("pg_proc", "p.oid") + `
	cross join lateral (
		select array_agg(coalesce(p.proargnames[a.number], '') order by a.number) as names,
			array_agg(a.type order by a.number) as types,
			array_agg(format_type(a.type, null) order by a.number) as formats,
			array_agg(coalesce(element.oid, 0) order by a.number) as elements
		from unnest(p.proallargtypes, p.proargmodes) with ordinality a(type, mode, number)
			join pg_type t on t.oid = a.type
			left join pg_type element on element.oid = t.typelem and element.typarray = t.oid
		where a.mode in ('o', 'b', 't')
	) o
where ` + made("p")

func (l *loader) readFunctions(rows pgx.Rows) error {
	kinds := map[string]string{"f": "function", "a": "aggregate", "w": "window", "p": "procedure"}
	volatilities := map[string]string{"i": "immutable", "s": "stable", "v": "volatile"}
	var f Function
	var kind, volatility string
	var names, formats []string
	var types, elements []uint32
	return each(rows, func() {
		n := f
		n.Kind, n.Volatility = kinds[kind], volatilities[volatility]
		for i := range names {
			n.OutColumns = append(n.OutColumns, Column{Name: names[i], Number: int16(i + 1), Nullable: true, Type: formats[i], TypeOID: types[i], Element: elements[i]})
		}
		l.catalog.Functions = append(l.catalog.Functions, &n)
		l.functions[n.OID] = &n
	}, &f.OID, &f.Schema, &f.Name, &kind, &f.Arguments, &f.ArgumentTypes, &f.Result, &f.ResultTypeOID, &f.ReturnsSet,
		&volatility, &f.SecurityDefiner, &f.Language, &f.Extension, &f.ResultElement, &names, &types, &formats, &elements)
}

var operatorsSQL = `
select n.nspname, o.oprname, o.oprleft, o.oprright, o.oprcode::oid, coalesce(e.extname, '')
from pg_operator o
	join pg_namespace n on n.oid = o.oprnamespace` + member("pg_operator", "o.oid") + `
where o.oprcode <> 0 and ` + made("o")

func (l *loader) readOperators(rows pgx.Rows) error {
	var o Operator
	return each(rows, func() {
		n := o
		l.catalog.Operators = append(l.catalog.Operators, &n)
	}, &o.Schema, &o.Name, &o.Left, &o.Right, &o.Function, &o.Extension)
}

const extensionsSQL = `
select x.extname, x.extversion, n.nspname from pg_extension x join pg_namespace n on n.oid = x.extnamespace`

func (l *loader) readExtensions(rows pgx.Rows) error {
	var x Extension
	return each(rows, func() {
		n := x
		l.catalog.Extensions = append(l.catalog.Extensions, &n)
	}, &x.Name, &x.Version, &x.Schema)
}

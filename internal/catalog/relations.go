package catalog

import (
	"slices"

	"github.com/jackc/pgx/v5"
)

const relationsSQL = `
select c.oid, n.nspname, c.relname, c.relkind::text, pg_get_userbyid(c.relowner),
	c.reltuples::bigint, c.relnatts, c.reltype, coalesce(pg_get_expr(c.relpartbound, 0), '')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.relpersistence <> 't' and` + own

func (l *loader) readRelations(rows pgx.Rows) error {
	kinds := map[string]Kind{"r": Table, "p": PartitionedTable, "v": View, "m": MaterializedView, "f": ForeignTable, "S": Sequence}
	var r Relation
	var columns int
	schema, kind, owner := l.word(), l.word(), l.word()
	return each(rows, func() {
		n := r
		n.Schema, n.Kind, n.Owner = schema.string, kinds[kind.string], owner.string
		n.Columns = make([]Column, 0, columns)
		l.catalog.Relations = append(l.catalog.Relations, &n)
		l.relations[n.OID] = &n
		l.columns[n.OID] = &n.Columns
	}, &r.OID, &schema, &r.Name, &kind, &owner, &r.EstimatedRows, &columns, &r.RowType, &r.Partition)
}

// A typeUse is a type with its modifier, such as numeric with 10,2.
type typeUse struct {
	oid      uint32
	modifier int32
}

type columnType struct {
	text    string
	element uint32
}

// columnTypesSQL prints each type once, however many columns have it.
const columnTypesSQL = `
select u.atttypid, u.atttypmod, format_type(u.atttypid, u.atttypmod), coalesce(element.oid, 0)
from (select distinct atttypid, atttypmod from pg_attribute where attrelid >= 16384 and attnum > 0 and not attisdropped) u
	join pg_type t on t.oid = u.atttypid
	left join pg_type element on element.oid = t.typelem and element.typarray = t.oid`

func (l *loader) readColumnTypes(rows pgx.Rows) error {
	l.formats = map[typeUse]columnType{}
	var use typeUse
	var is columnType
	return each(rows, func() { l.formats[use] = is }, &use.oid, &use.modifier, &is.text, &is.element)
}

const columnsSQL = `
select a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, not a.attnotnull
from pg_attribute a
	join pg_class c on c.oid = a.attrelid
	join pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0 and not a.attisdropped
	and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c') and c.relpersistence <> 't' and` + own

func (l *loader) readColumns(rows pgx.Rows) error {
	var relation uint32
	var c Column
	var use typeUse
	column := l.word()
	return each(rows, func() {
		columns := l.columns[relation]
		if columns == nil {
			return
		}
		is := l.formats[use]
		c.Name, c.Type, c.TypeOID, c.Element = column.string, is.text, use.oid, is.element
		*columns = append(*columns, c)
	}, &relation, &c.Number, &column, &use.oid, &use.modifier, &c.Nullable)
}

// locked lists the relations that nobody else may even look at just now, as long
// as a migration lasts. What would wait for such a lock is left out: definitions
// of views and indexes, and what generated columns are computed by.
const locked = `
with locked as materialized (
	select relation from pg_locks
	where mode = 'AccessExclusiveLock' and granted and pid <> pg_backend_pid() and relation is not null
		and database = (select oid from pg_database where datname = current_database())
)`

// defaultsSQL gives pg_get_expr the relation, which it locks, only where the
// expression can mention columns.
const defaultsSQL = locked + `
select d.adrelid, d.adnum, case
	when a.attgenerated = '' then pg_get_expr(d.adbin, 0)
	when d.adrelid not in (select relation from locked) then pg_get_expr(d.adbin, d.adrelid)
	end
from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
where d.adrelid >= 16384`

func (l *loader) readDefaults(rows pgx.Rows) error {
	var relation uint32
	var number int16
	var expression *string
	return each(rows, func() {
		if r := l.relations[relation]; r != nil && expression != nil {
			if c := r.Numbered(number); c != nil {
				c.Default = *expression
			}
		}
	}, &relation, &number, &expression)
}

const generatedSQL = `
select distinct d.adrelid, d.adnum, p.refobjsubid::int2
from pg_attrdef d
	join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum and a.attgenerated <> ''
	join pg_depend p on p.classid = 'pg_attrdef'::regclass and p.objid = d.oid
		and p.refclassid = 'pg_class'::regclass and p.refobjid = d.adrelid
where p.refobjsubid > 0 and p.refobjsubid <> d.adnum
order by 1, 2, 3`

func (l *loader) readGenerated(rows pgx.Rows) error {
	var relation uint32
	var number, from int16
	return each(rows, func() {
		if r := l.relations[relation]; r != nil {
			if c := r.Numbered(number); c != nil {
				c.GeneratedFrom = append(c.GeneratedFrom, from)
			}
		}
	}, &relation, &number, &from)
}

const indexesSQL = locked + `
select i.indrelid, c.relname,
	case when i.indrelid not in (select relation from locked) then coalesce(pg_get_indexdef(i.indexrelid), '') else '' end, i.indisunique, i.indisprimary,
	i.indpred is null and i.indexprs is null, i.indkey::int2[], i.indnkeyatts
from pg_index i
	join pg_class c on c.oid = i.indexrelid
	join pg_namespace n on n.oid = c.relnamespace
where i.indisvalid and` + own + `
order by i.indrelid, c.relname collate "C"`

func (l *loader) readIndexes(rows pgx.Rows) error {
	var relation uint32
	var i Index
	var primary, plain bool
	var numbers []int16
	var keys int
	return each(rows, func() {
		r := l.relations[relation]
		if r == nil {
			return
		}
		r.Indexes = append(r.Indexes, i)
		switch {
		case primary:
			r.PrimaryKey = l.names(r, numbers[:keys])
		case i.Unique && plain:
			r.Unique = append(r.Unique, l.names(r, numbers[:keys]))
		}
	}, &relation, &i.Name, &i.Definition, &i.Unique, &primary, &plain, &numbers, &keys)
}

// names are the names of columns by their numbers.
func (l *loader) names(r *Relation, numbers []int16) []string {
	names := make([]string, 0, len(numbers))
	for _, n := range numbers {
		if c := r.Numbered(n); c != nil {
			names = append(names, c.Name)
		}
	}
	return names
}

// foreignKeysSQL leaves out the copies of a key that PostgreSQL makes for each
// partition of the table referred to.
const foreignKeysSQL = `
select k.conrelid, k.confrelid, k.conkey, k.confkey
from pg_constraint k left join pg_constraint whole on whole.oid = k.conparentid
where k.contype = 'f' and whole.conrelid is distinct from k.conrelid
order by k.conrelid, k.conname collate "C"`

func (l *loader) readForeignKeys(rows pgx.Rows) error {
	var from, to uint32
	var columns, refColumns []int16
	return each(rows, func() {
		r, ref := l.relations[from], l.relations[to]
		if r == nil || ref == nil {
			return
		}
		r.ForeignKeys = append(r.ForeignKeys, ForeignKey{
			Columns: l.names(r, columns), RefSchema: ref.Schema, RefTable: ref.Name, RefColumns: l.names(ref, refColumns),
		})
	}, &from, &to, &columns, &refColumns)
}

// inheritanceSQL includes partitions whose detaching is under way: older
// snapshots still read them.
const inheritanceSQL = `
select i.inhrelid, i.inhparent from pg_inherits i join pg_class c on c.oid = i.inhrelid
where c.relkind in ('r', 'p', 'f')
order by i.inhrelid, i.inhseqno`

func (l *loader) readInheritance(rows pgx.Rows) error {
	var child, parent uint32
	return each(rows, func() {
		if r := l.relations[child]; r != nil && l.relations[parent] != nil {
			r.Parents = append(r.Parents, parent)
		}
	}, &child, &parent)
}

// viewsSQL reads each rule's tree as text. What users write is escaped there, so
// that no name can pass for a field.
const viewsSQL = locked + `, view as (
	select r.ev_class, r.ev_action::text as tree
	from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
	where r.ev_type = '1' and c.relkind in ('v', 'm') and` + own + `
), rule as (
	select ev_class, tree, array(
		select distinct m[1]::oid from regexp_matches(tree, ':relid (\d+)', 'g') m where m[1] not in ('0', ev_class::text)
	) as relations
	from view
)
select ev_class,
	case when not exists (select from locked where relation = ev_class or relation = any(relations)) then pg_get_viewdef(ev_class) end,
	tree,
	relations,
	tree ~ ':varattno 0 ',
	array(
		select distinct p.proname::text
		from regexp_matches(tree, ':(?:funcid|aggfnoid|winfnoid) (\d+)', 'g') m join pg_proc p on p.oid = m[1]::oid
		where p.oid < 16384
		order by 1
	)
from rule`

// readViews finds out what is read for which output. What a rule mentions that
// was not found, or all of it where the rule is not understood, counts for the
// whole view.
func (l *loader) readViews(rows pgx.Rows) error {
	var view uint32
	var definition *string
	var tree string
	var relations []uint32
	var whole bool
	var builtins []string
	return each(rows, func() {
		r := l.relations[view]
		if r == nil {
			return
		}
		if definition != nil {
			r.Definition = *definition
		}
		if traced, ok := traceRule(tree); ok && traced.outputs == len(r.Columns) {
			l.rules[view] = traced
			r.Reads = traced.reads
		}
		slices.Sort(relations)
		for _, oid := range relations {
			if _, found := l.rules[view].mentioned[Dependency{Relation: oid}]; !found {
				r.Reads = append(r.Reads, Dependency{Relation: oid, Whole: whole})
			}
		}
		for _, name := range builtins {
			r.Reads = append(r.Reads, Dependency{Builtin: name})
		}
	}, &view, &definition, &tree, &relations, &whole, &builtins)
}

// dependenciesSQL gives the columns and user-defined functions of each rule. An
// operator stands for its function.
const dependenciesSQL = `
select distinct r.ev_class,
	case when d.refclassid = 'pg_class'::regclass then d.refobjid else 0 end,
	d.refobjsubid::int2,
	case d.refclassid when 'pg_proc'::regclass then d.refobjid when 'pg_operator'::regclass then o.oprcode::oid else 0 end
from pg_depend d
	join pg_rewrite r on r.oid = d.objid and r.ev_type = '1'
	left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
where d.classid = 'pg_rewrite'::regclass
	and (d.refclassid = 'pg_class'::regclass and d.refobjsubid <> 0
		or d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass))
order by 1, 2, 3, 4`

func (l *loader) readDependencies(rows pgx.Rows) error {
	var view uint32
	var d Dependency
	return each(rows, func() {
		ofType := l.relations[d.Relation] == nil && l.columns[d.Relation] != nil // an attribute of a composite type
		_, found := l.rules[view].mentioned[d]
		if r := l.relations[view]; r != nil && !ofType && !found {
			r.Reads = append(r.Reads, d)
		}
	}, &view, &d.Relation, &d.Column, &d.Function)
}

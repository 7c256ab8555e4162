package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Beginner is what Load needs of a connection or pool.
type Beginner interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}

// Load reads the catalog in a constant number of queries, whatever the number of
// tables, with no more rights than every role has. All of it is of one moment.
func Load(ctx context.Context, db Beginner) (*Catalog, error) {
	tx, err := db.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("load catalog: %w", err)
	}
	defer tx.Rollback(ctx)

	l := &loader{
		catalog:   &Catalog{LoadedAt: time.Now().UTC()},
		words:     map[string]string{},
		relations: map[uint32]*Relation{},
		columns:   map[uint32]*[]Column{},
		functions: map[uint32]*Function{},
		rules:     map[uint32]rule{},
	}
	// A query of its own: the others are parsed under the settings that it makes.
	rows, err := tx.Query(ctx, settingsSQL)
	if err == nil {
		err = l.readSettings(rows)
	}
	if err != nil {
		return nil, fmt.Errorf("load catalog: %w", err)
	}
	queries := []query{
		{"schemas", schemasSQL, l.readSchemas},
		{"relations", relationsSQL, l.readRelations},
		{"types", typesSQL, l.readTypes},
		{"column types", columnTypesSQL, l.readColumnTypes},
		{"columns", columnsSQL, l.readColumns},
		{"defaults", defaultsSQL, l.readDefaults},
		{"generated columns", generatedSQL, l.readGenerated},
		{"indexes", indexesSQL, l.readIndexes},
		{"foreign keys", foreignKeysSQL, l.readForeignKeys},
		{"inheritance", inheritanceSQL, l.readInheritance},
		{"views", viewsSQL, l.readViews},
		{"view dependencies", dependenciesSQL, l.readDependencies},
		{"enums", enumsSQL, l.readEnums},
		{"functions", functionsSQL, l.readFunctions},
		{"operators", operatorsSQL, l.readOperators},
		{"casts", castsSQL, l.readCasts},
		{"extensions", extensionsSQL, l.readExtensions},
		{"comments", commentsSQL, l.readComments},
	}
	// A batch, so that the server reads ahead while rows are taken in.
	batch := &pgx.Batch{}
	for _, q := range queries {
		batch.Queue(q.sql)
	}
	results := tx.SendBatch(ctx, batch)
	defer results.Close()
	for _, q := range queries {
		rows, err := results.Query()
		if err == nil {
			err = q.read(rows)
		}
		if err != nil {
			return nil, fmt.Errorf("load catalog: %s: %w", q.what, err)
		}
	}
	l.finish()
	return l.catalog, nil
}

type query struct {
	what, sql string
	read      func(pgx.Rows) error
}

// A loader puts together what the queries give.
type loader struct {
	catalog   *Catalog
	words     map[string]string // one copy of each name
	formats   map[typeUse]columnType
	relations map[uint32]*Relation
	columns   map[uint32]*[]Column // of relations and of composite types, by pg_class OID
	functions map[uint32]*Function
	rules     map[uint32]rule // of the views whose rule is understood
}

// finish puts what has no order of its own in order.
func (l *loader) finish() {
	c := l.catalog
	byName := func(a, b name) int {
		return cmp.Or(cmp.Compare(a.schema, b.schema), cmp.Compare(a.name, b.name))
	}
	slices.Sort(c.Schemas)
	slices.SortFunc(c.Relations, func(a, b *Relation) int {
		return byName(name{a.Schema, a.Name}, name{b.Schema, b.Name})
	})
	slices.SortFunc(c.Enums, func(a, b *Enum) int {
		return byName(name{a.Schema, a.Name}, name{b.Schema, b.Name})
	})
	slices.SortFunc(c.Types, func(a, b *Type) int {
		return byName(name{a.Schema, a.Name}, name{b.Schema, b.Name})
	})
	slices.SortFunc(c.Functions, func(a, b *Function) int {
		return cmp.Or(byName(name{a.Schema, a.Name}, name{b.Schema, b.Name}), cmp.Compare(a.Arguments, b.Arguments))
	})
	slices.SortFunc(c.Operators, func(a, b *Operator) int {
		return cmp.Or(byName(name{a.Schema, a.Name}, name{b.Schema, b.Name}),
			cmp.Compare(a.Left, b.Left), cmp.Compare(a.Right, b.Right))
	})
	slices.SortFunc(c.Casts, func(a, b *Cast) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Target, b.Target))
	})
	slices.SortFunc(c.Extensions, func(a, b *Extension) int { return cmp.Compare(a.Name, b.Name) })
	for _, columns := range l.columns {
		slices.SortFunc(*columns, func(a, b Column) int { return cmp.Compare(a.Number, b.Number) })
	}
}

// each reads rows into the targets, calling row after each.
func each(rows pgx.Rows, row func(), targets ...any) error {
	_, err := pgx.ForEachRow(rows, targets, func() error { row(); return nil })
	return err
}

// A word scans text and keeps one copy of what comes again and again.
type word struct {
	seen map[string]string
	string
}

func (l *loader) word() word { return word{seen: l.words} }

// ScanBytes implements [pgtype.BytesScanner].
func (w *word) ScanBytes(b []byte) error {
	s, ok := w.seen[string(b)]
	if !ok {
		s = string(b)
		w.seen[s] = s
	}
	w.string = s
	return nil
}

// own restricts to what is not PostgreSQL's own, by pg_namespace n. Names that
// begin with pg_ are reserved for the system, temporary schemas among them.
const own = ` n.nspname !~ '^pg_' and n.nspname <> 'information_schema' `

// settingsSQL pins what the other queries depend on. With pg_temp last, no
// temporary table can pass for a catalog, and types and tables are printed with
// their schemas. Where a lock must be waited for after all, it is better to fail
// soon and be tried again than to queue behind a migration.
const settingsSQL = `
select pg_catalog.current_database(), pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
	pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true), pg_catalog.set_config('lock_timeout', '2s', true)`

func (l *loader) readSettings(rows pgx.Rows) error {
	var ignored string
	return each(rows, func() {}, &l.catalog.Database, &l.catalog.ServerVersion, &ignored, &ignored)
}

const schemasSQL = `select n.nspname from pg_namespace n where` + own

func (l *loader) readSchemas(rows pgx.Rows) error {
	var schema string
	return each(rows, func() { l.catalog.Schemas = append(l.catalog.Schemas, schema) }, &schema)
}

const commentsSQL = `
select objoid, objsubid, classoid = 'pg_proc'::regclass, description
from pg_description
where objoid >= 16384 and classoid in ('pg_class'::regclass, 'pg_proc'::regclass)`

func (l *loader) readComments(rows pgx.Rows) error {
	var oid uint32
	var number int32
	var function bool
	var comment string
	return each(rows, func() {
		if function {
			if f := l.functions[oid]; f != nil {
				f.Comment = comment
			}
			return
		}
		r := l.relations[oid]
		switch {
		case r == nil:
		case number == 0:
			r.Comment = comment
		default:
			if c := r.Numbered(int16(number)); c != nil {
				c.Comment = comment
			}
		}
	}, &oid, &number, &function, &comment)
}

package catalog_test

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

var update = flag.Bool("update", false, "rewrite golden files")

//go:embed testdata/harbour.sql
var harbour string

// TestLoad compares all that is loaded with testdata/harbour.txt, which is the
// same for every release.
func TestLoad(t *testing.T) {
	const golden = "testdata/harbour.txt"
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		got := describe(load(t, s.Open(t, harbour)))
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(string(want), got); diff != "" {
			t.Errorf("-%s +got:\n%s", golden, diff)
		}
	})
}

// TestLoadAsAnyone loads with a hostile search path and no rights but everybody's.
func TestLoadAsAnyone(t *testing.T) {
	url := pgtest.Open(t, harbour+`
		create table port.pg_class (oid oid, relname name);
		revoke all on all tables in schema port, crew from public;
		revoke all on schema public from public;`)
	want := describe(load(t, url))

	conn := connect(t, url, nil)
	if _, err := conn.Exec(t.Context(), `
		create temporary table pg_namespace (oid oid, nspname name);
		create temporary table pg_attribute (attrelid oid);
		grant all on schema port to public;
		set search_path = port, crew, pg_temp, pg_catalog;
		set session authorization pg_signal_backend`); err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Load(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(want, describe(c)); diff != "" {
		t.Errorf("-superuser +anyone:\n%s", diff)
	}
	var path string
	if err := conn.QueryRow(t.Context(), "show search_path").Scan(&path); err != nil || path != "port, crew, pg_temp, pg_catalog" {
		t.Errorf("Load left the search path %q (%v)", path, err)
	}
}

func TestLoadTakesTheSameQueriesForMoreTables(t *testing.T) {
	count := func(script string) int {
		var counter queryCounter
		conn := connect(t, pgtest.Open(t, script), &counter)
		if _, err := catalog.Load(t.Context(), conn); err != nil {
			t.Fatal(err)
		}
		return counter.queries
	}
	few := count("create table a (id int primary key, b text default 'x'); create view v as select * from a")
	many := count(`do $$ begin for i in 1..100 loop
		execute format('create table a%s (id int primary key, b text default %L)', i, i);
		execute format('create view v%s as select * from a%s', i, i);
		execute format('create function f%s() returns int language sql as %L', i, 'select 1');
	end loop; end $$`)
	if few != many || few == 0 {
		t.Errorf("%d queries for one table, %d for a hundred", few, many)
	}
}

// A queryCounter counts statements, those in a batch too.
type queryCounter struct{ queries int }

func (c *queryCounter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.queries++
	return ctx
}
func (c *queryCounter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (c *queryCounter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}
func (c *queryCounter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {
	c.queries++
}
func (c *queryCounter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// TestLoadDuringMigration loads while somebody holds the locks of an ALTER TABLE.
func TestLoadDuringMigration(t *testing.T) {
	url := pgtest.Open(t, harbour)
	migration, err := connect(t, url, nil).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer migration.Rollback(t.Context())
	if _, err := migration.Exec(t.Context(), "alter table port.ships add column added int"); err != nil {
		t.Fatal(err)
	}
	c := load(t, url)
	ships, names := c.Relation("port", "ships"), c.Relation("port", "names")
	if len(names.Reads) == 0 || names.Definition != "" {
		t.Errorf("view over a locked table: %+v", names)
	}
	if c.Relation("port", "shouted").Definition == "" {
		t.Error("view over a view over a locked table has no definition")
	}
	if column := ships.Column("built"); column.Default != "CURRENT_DATE" {
		t.Errorf("default of a locked table: %+v", column)
	}
	if column := ships.Column("label"); len(column.GeneratedFrom) != 2 || column.Default != "" {
		t.Errorf("generated column of a locked table: %+v", column)
	}
	if len(ships.PrimaryKey) != 1 || len(ships.Indexes) != 6 {
		t.Errorf("indexes of a locked table: %+v", ships.Indexes)
	}
}

func TestWriteAndRead(t *testing.T) {
	c := load(t, pgtest.Open(t, harbour))
	var file bytes.Buffer
	if err := c.Write(&file); err != nil {
		t.Fatal(err)
	}
	text := file.String()
	back, err := catalog.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(c, back, cmpopts.IgnoreUnexported(catalog.Catalog{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-written +read:\n%s", diff)
	}
	if c.Fingerprint() != back.Fingerprint() {
		t.Error("fingerprint changed on the way")
	}
	for name, broken := range map[string]string{
		"empty":         "",
		"other JSON":    `{"databases": {}}`,
		"no catalog":    "{}",
		"cut":           text[:len(text)/2],
		"two":           text + text,
		"unknown field": strings.Replace(text, `"schemas"`, `"colour": 1, "schemas"`, 1),
	} {
		if _, err := catalog.Read(strings.NewReader(broken)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestFingerprint(t *testing.T) {
	first := load(t, pgtest.Open(t, harbour))
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		// The same structure with other OIDs, statistics, owners and attribute numbers.
		same := load(t, s.Open(t, "create table x (); drop table x; set client_min_messages = error;"+harbour+`;
			insert into port.flags values ('DE', 'Germany'); analyze; alter table port.flags owner to pg_monitor;
			alter table port.bills add column y int; alter table port.bills drop column y;`))
		if s.Version() == first.ServerVersion && same.Fingerprint() != first.Fingerprint() {
			t.Error("equal structures have different fingerprints")
		}
		conn := connect(t, s.Open(t, harbour), nil)
		seen := map[string]string{same.Fingerprint(): "nothing"}
		for _, change := range []string{
			"alter table port.flags add column added int",
			"alter table port.flags alter country drop not null",
			"alter table crew.officers alter rank type varchar(10)",
			"comment on column port.flags.country is 'where'",
			"create index on port.flags (code, country)",
			"alter type port.cargo_kind add value 'cars'",
			"create or replace view port.names as select id, name from port.ships where gross > 11",
			"create function port.added() returns int language sql as 'select 1'",
			"alter function port.fleet security definer",
			"create operator port.<<< (leftarg = port.dimensions, rightarg = port.dimensions, function = port.deeper)",
			"create cast (port.dimensions as jsonb) with inout",
			"create domain port.added as text",
			"create schema added",
			"alter table crew.officers no inherit crew.people",
			"create sequence port.counter",
		} {
			if _, err := conn.Exec(t.Context(), change); err != nil {
				t.Fatal(err)
			}
			c, err := catalog.Load(t.Context(), conn)
			if err != nil {
				t.Fatal(err)
			}
			if other, ok := seen[c.Fingerprint()]; ok {
				t.Errorf("%s: same fingerprint as after %s", change, other)
			}
			seen[c.Fingerprint()] = change
		}
	})
}

// describe writes down a catalog without what depends on the server: OIDs as
// names, no definitions of views.
func describe(c *catalog.Catalog) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	typeName := func(oid uint32) string {
		if r := c.RowOf(oid); r != nil {
			return r.String()
		} else if e := c.Enum(oid); e != nil {
			return e.Schema + "." + e.Name
		} else if t := c.Type(oid); t != nil {
			return t.Schema + "." + t.Name
		} else if oid < 16384 {
			return fmt.Sprint(oid)
		}
		return "?"
	}
	function := func(oid uint32) string {
		if f := c.FunctionByOID(oid); f != nil {
			return f.Schema + "." + f.Name + "(" + f.Arguments + ")"
		}
		return fmt.Sprint(oid)
	}
	column := func(r *catalog.Relation, x catalog.Column) {
		s := fmt.Sprintf("\t%s %s", x.Name, x.Type)
		if x.Element != 0 {
			s += " of " + typeName(x.Element)
		}
		if !x.Nullable {
			s += " not null"
		}
		if x.Default != "" {
			s += " default " + x.Default
		}
		for _, n := range x.GeneratedFrom {
			s += " from " + r.Numbered(n).Name
		}
		if x.Comment != "" {
			s += " -- " + x.Comment
		}
		line("%s", s)
	}
	line("schemas %q", c.Schemas)
	for _, r := range c.Relations {
		line("\n%s %s", r.Kind, r)
		if r.Comment != "" {
			line("\t-- %s", r.Comment)
		}
		if (r.RowType == 0) != (r.Kind == catalog.Sequence) || r.Owner == "" {
			line("\trow type %d, owner %q", r.RowType, r.Owner)
		}
		for _, x := range r.Columns {
			column(r, x)
		}
		if r.PrimaryKey != nil {
			line("\tprimary key %q", r.PrimaryKey)
		}
		for _, u := range r.Unique {
			line("\tunique %q", u)
		}
		for _, k := range r.ForeignKeys {
			line("\t%q references %s.%s %q", k.Columns, k.RefSchema, k.RefTable, k.RefColumns)
		}
		for _, i := range r.Indexes {
			line("\tindex %s: %s", i.Name, i.Definition)
		}
		for _, p := range r.Parents {
			line("\tparent %s %s", c.ByOID(p), r.Partition)
		}
		if (r.Definition != "") != (r.Kind == catalog.View || r.Kind == catalog.MaterializedView) {
			line("\tdefinition %q", r.Definition)
		}
		for _, d := range describeReads(c, r, function) {
			line("\treads %s", d)
		}
	}
	line("")
	for _, e := range c.Enums {
		line("enum %s.%s %q", e.Schema, e.Name, e.Labels)
	}
	for _, x := range c.Types {
		line("%s %s.%s base %s check %v extension %q", x.Kind, x.Schema, x.Name, typeName(x.Base), x.Check, x.Extension)
		for _, a := range x.Columns {
			column(nil, a)
		}
	}
	for _, f := range c.Functions {
		var flags []string
		if f.ReturnsSet {
			flags = append(flags, "set")
		}
		if f.SecurityDefiner {
			flags = append(flags, "security definer")
		}
		if f.Extension != "" {
			flags = append(flags, "extension "+f.Extension)
		}
		if f.Comment != "" {
			flags = append(flags, "-- "+f.Comment)
		}
		arguments := make([]string, len(f.ArgumentTypes))
		for i, oid := range f.ArgumentTypes {
			arguments[i] = typeName(oid)
		}
		line("%s %s.%s(%s) %q returns %q %s %s %s %s", f.Kind, f.Schema, f.Name, f.Arguments, arguments, f.Result, typeName(f.ResultTypeOID),
			f.Volatility, f.Language, strings.Join(flags, " "))
		for _, x := range f.OutColumns {
			column(nil, x)
		}
	}
	for _, o := range c.Operators {
		line("operator %s.%s %s %s %s %q", o.Schema, o.Name, typeName(o.Left), typeName(o.Right), function(o.Function), o.Extension)
	}
	for _, k := range c.Casts {
		line("cast %s to %s by %s %s %q", typeName(k.Source), typeName(k.Target), function(k.Function), k.Context, k.Extension)
	}
	for _, x := range c.Extensions {
		line("extension %s in %s", x.Name, x.Schema)
	}
	return b.String()
}

func describeReads(c *catalog.Catalog, view *catalog.Relation, function func(uint32) string) []string {
	var lines []string
	for _, d := range view.Reads {
		var what string
		switch r := c.ByOID(d.Relation); {
		case d.Builtin != "":
			what = "builtin " + d.Builtin
		case d.Function != 0:
			what = "function " + function(d.Function)
		case r == nil:
			what = "catalog of the system"
		case d.Whole:
			what = r.String() + " whole"
		case d.Column == 0:
			what = r.String()
		default:
			what = r.String() + " " + cmp.Or(r.Numbered(d.Column), &catalog.Column{}).Name
		}
		if d.Output > 0 {
			what += " for " + view.Numbered(d.Output).Name
		}
		if d.Planned {
			what += ", in plans"
		}
		lines = append(lines, what)
	}
	slices.Sort(lines)
	return lines
}

package grants_test

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/grants"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/policy"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var update = flag.Bool("update", false, "rewrite golden files")

//go:embed testdata/library.sql
var library string

var security = config.Security{
	Blocked: config.Blocked{
		Schemas: []string{"vault"},
		Tables:  []string{"public.fines", "public.loans_private"},
		Columns: []string{"*.pin", "*.email"},
	},
	AllowFunctions: []string{"tools.price", "tools.longest", "tools.nth", "tools.rank_of"},
	Limits:         config.Limits{StatementTimeout: config.Duration(5 * time.Second)},
}

// rules are those of a database "library" under a policy.
func rules(s config.Security) *policy.Rules {
	return policy.Compile(&config.Config{
		Security:  s,
		Databases: map[string]config.Database{"library": {Schemas: []string{"public", `Odd "Schema's`}, Pool: config.Pool{Max: 4}}},
	}, "library")
}

// TestSQL compares the script with testdata/library.golden.
func TestSQL(t *testing.T) {
	const golden = "testdata/library.golden"
	admin := connect(t, pgtest.Open(t, library))
	c := load(t, admin)
	c.Database = "library"
	got := grants.SQL(rules(security).Close(c), "pgmcp_library")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-%s +got:\n%s", golden, diff)
	}
}

// A role has what the policy allows and nothing else, whatever it had before and
// whatever PUBLIC has; a second run changes nothing; a narrower policy takes away;
// what is new is closed; and nobody who uses the database loses anything.
func TestPrivileges(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		admin := connect(t, s.Open(t, library))
		role, other, app := roles(t, admin)
		exec(t, admin, strings.NewReplacer("ROLE", catalog.Quote(role), "OTHER", other, "APP", app, "DATABASE", catalog.Quote(admin.Config().Database)).Replace(`
			create role ROLE createdb createrole replication bypassrls;
			create role OTHER;
			create role APP;
			grant pg_read_all_data, pg_monitor to ROLE;
			alter view titles owner to OTHER;
			alter table books owner to OTHER;
			alter function tools.price(int) owner to OTHER;
			grant usage on schema stacks to APP;
			grant all on all tables in schema public, vault to ROLE with grant option;
			grant all on schema public, vault, stacks to ROLE;
			grant insert (id), update on readers to ROLE;
			grant select (name) on readers to public;
			grant select (email) on readers to public;
			grant select on fines, vault.keys to public;
			grant usage on schema vault to public;
			grant all on sequence counter to ROLE, public;
			grant create on schema public to public;
			grant all on large object 4711 to ROLE, public;
			grant execute on function pg_read_file(text) to ROLE;
			grant usage on language sql to ROLE;
			alter default privileges grant select on tables to ROLE, public;
			alter default privileges in schema stacks grant select on tables to ROLE;
			grant all on database DATABASE to ROLE;
			grant select on fines to OTHER with grant option;
			set role OTHER;
			grant select on fines to ROLE;
			grant select on fines to public;
			reset role;
			alter role ROLE set work_mem = '5MB'`))
		p := rules(security).Close(load(t, admin))
		exec(t, admin, grants.SQL(p, role))
		compare(t, admin, p, role)
		for _, privilege := range []string{
			"has_function_privilege($1, 'secret_count()', 'execute')",
			"has_table_privilege($1, 'fines', 'select')",
			"has_database_privilege($1, current_database(), 'temp')",
			"has_schema_privilege($1, 'public', 'create')",
		} {
			if !ask(t, admin, privilege, app) {
				t.Errorf("%s: %s has lost it", privilege, app)
			}
		}

		first := state(t, admin)
		exec(t, admin, grants.SQL(p, role))
		if diff := cmp.Diff(first, state(t, admin)); diff != "" {
			t.Errorf("the second run changed (-first +second):\n%s", diff)
		}

		exec(t, admin, `
			create table later (id int);
			create table stacks.later (id int);
			create function later() returns int language sql as 'select 1'`)
		for _, privilege := range []string{
			"has_any_column_privilege($1, 'later', 'select')",
			"has_any_column_privilege($1, 'stacks.later', 'select')",
			"has_function_privilege($1, 'later()', 'execute')",
		} {
			if ask(t, admin, privilege, role) {
				t.Errorf("%s without a grant", privilege)
			}
		}

		narrower := security
		narrower.AllowFunctions = nil
		narrower.Blocked.Columns = append(slices.Clone(security.Blocked.Columns), "books.title")
		p = rules(narrower).Close(load(t, admin))
		if titles := p.Catalog.Relation("public", "titles"); p.OnlyColumn(titles, titles.Column("title")) {
			t.Fatal("the policy is no narrower")
		}
		exec(t, admin, grants.SQL(p, role))
		compare(t, admin, p, role)
	})
}

// The role can log in and reads through a view what its owner may read.
func TestLogin(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		adminURL := s.Open(t, library)
		admin := connect(t, adminURL)
		role, other, _ := roles(t, admin)
		exec(t, admin, strings.ReplaceAll(`
			create role OTHER;
			grant usage on schema public to OTHER;
			alter table readers owner to OTHER;
			alter view names owner to OTHER;
			insert into readers values (1, 'Ann', 'ann@example.com', '0123')`, "OTHER", other))
		exec(t, admin, grants.SQL(rules(security).Close(load(t, admin)), role))
		exec(t, admin, fmt.Sprintf("alter role %s password 'test'", catalog.Quote(role)))
		u, err := url.Parse(adminURL)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(role, "test")
		reader := connect(t, u.String())
		for sql, denied := range map[string]bool{
			"select name from names":                                            false,
			"select id, name from readers":                                      false,
			"select count(*) from readers":                                      false,
			"select room from rooms":                                            false,
			"select tools.price(2), tools.price('a', 1, 2)":                     false,
			"select tools.nth(0.5) within group (order by 1)":                   false,
			`select "from", "a` + "\n" + `b" from "select"`:                     false,
			"select email from readers":                                         true,
			"select * from readers":                                             true,
			"select room from stacks.shelves":                                   true,
			"select contact from mails":                                         true,
			"select tools.other()":                                              true,
			"select secret_count()":                                             true,
			"select lo_get(4711)":                                               true,
			"select nextval('counter')":                                         true,
			"set default_transaction_read_only = off; create temp table x ()":   true,
			"set default_transaction_read_only = off; insert into books values": true,
		} {
			_, err := reader.Exec(t.Context(), sql)
			if _, refused := strings.CutPrefix(fmt.Sprint(err), "ERROR: "); refused != denied {
				t.Errorf("%s: %v", sql, err)
			}
		}
		var settings []string
		for _, name := range []string{"default_transaction_read_only", "statement_timeout", "search_path", "temp_file_limit", "standard_conforming_strings"} {
			var value string
			if err := connect(t, u.String()).QueryRow(t.Context(), "select current_setting($1)", name).Scan(&value); err != nil {
				t.Fatal(err)
			}
			settings = append(settings, value)
		}
		if diff := cmp.Diff([]string{"on", "5s", `public, "Odd ""Schema's"`, "1GB", "on"}, settings); diff != "" {
			t.Errorf("settings: -want +got:\n%s", diff)
		}
	})
}

// An owner who may make roles needs no superuser.
func TestOwnerRuns(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		adminURL := s.Open(t, "")
		admin := connect(t, adminURL)
		role, owner, _ := roles(t, admin)
		exec(t, admin, fmt.Sprintf("create role %s createrole login password 'test'; alter database %s owner to %[1]s", owner, catalog.Quote(admin.Config().Database)))
		u, err := url.Parse(adminURL)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(owner, "test")
		runner := connect(t, u.String())
		exec(t, runner, `
			create table readers (id int, name text, pin text);
			create view names as select name from readers;
			create function helper() returns int language sql as 'select 1'`)
		exec(t, admin, "create function foreign_one() returns int language sql as 'select 1'")
		p := rules(security).Close(load(t, runner))
		exec(t, runner, grants.SQL(p, role))
		first := state(t, admin)
		exec(t, runner, grants.SQL(p, role))
		if diff := cmp.Diff(first, state(t, admin)); diff != "" {
			t.Errorf("the second run changed (-first +second):\n%s", diff)
		}
		for privilege, want := range map[string]bool{
			"has_column_privilege($1, 'readers', 'name', 'select')":     true,
			"has_table_privilege($1, 'names', 'select')":                true,
			"has_column_privilege($1, 'readers', 'pin', 'select')":      false,
			"has_function_privilege($1, 'helper()', 'execute')":         false,
			"has_function_privilege($1, 'foreign_one()', 'execute')":    true, // not the owner's to take away
			"has_database_privilege($1, current_database(), 'temp')":    false,
			"has_database_privilege($1, current_database(), 'connect')": true,
		} {
			if ask(t, admin, privilege, role) != want {
				t.Errorf("%s is not %v", privilege, want)
			}
		}
		exec(t, admin, fmt.Sprintf("alter database %s owner to current_user", catalog.Quote(admin.Config().Database)))
	})
}

// A script changes nothing if it is run in another database, or for a role whose
// privileges are somebody's work or cannot be taken away.
func TestRefuses(t *testing.T) {
	admin := connect(t, pgtest.Open(t, library))
	role, owner, super := roles(t, admin)
	exec(t, admin, fmt.Sprintf("create role %s; alter table books owner to %[1]s; create role %s superuser", owner, super))
	p := rules(security).Close(load(t, admin))
	before := state(t, admin)
	elsewhere := load(t, admin)
	elsewhere.Database = `els"ewhere`
	for _, c := range []struct {
		role, want string
		policy     *policy.Policy
	}{
		{role, `the grants are for els"ewhere`, rules(security).Close(elsewhere)},
		{owner, "owns something in database", p},
		{super, "is a superuser", p},
		{"public", `"public" is reserved`, p},
		{"none", `"none" is reserved`, p},
		{"pg_monitor", `"pg_monitor" is reserved`, p},
	} {
		_, err := admin.Exec(t.Context(), grants.SQL(c.policy, c.role))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.role, err, c.want)
		}
		exec(t, admin, "rollback")
		if diff := cmp.Diff(before, state(t, admin)); diff != "" {
			t.Errorf("%s: -before +after:\n%s", c.role, diff)
		}
	}
}

// compare asks PostgreSQL about everything in the catalog, PUBLIC's privileges
// and memberships included.
func compare(t *testing.T, admin *pgx.Conn, p *policy.Policy, role string) {
	t.Helper()
	allowed, denied := 0, 0
	check := func(what string, want bool, privilege string, args ...any) {
		t.Helper()
		if got := ask(t, admin, privilege, append([]any{role}, args...)...); got != want {
			t.Errorf("%s: the policy says %v, PostgreSQL %v", what, want, got)
		}
		if want {
			allowed++
		} else {
			denied++
		}
	}
	for _, r := range p.Catalog.Relations {
		for i, c := range r.Columns {
			check("select "+r.String()+"."+c.Name, p.OnlyColumn(r, &r.Columns[i]), "has_column_privilege($1, $2::oid, $3::int2, 'select')", r.OID, c.Number)
		}
		if r.Kind == catalog.Sequence {
			check("sequence "+r.String(), false, "has_sequence_privilege($1, $2::oid, 'usage, select, update')", r.OID)
			continue
		}
		check("write "+r.String(), false, "has_table_privilege($1, $2::oid, 'insert, update, delete, truncate, references, trigger')", r.OID)
		check("write columns of "+r.String(), false, "has_any_column_privilege($1, $2::oid, 'insert, update, references')", r.OID)
	}
	for _, f := range p.Catalog.Functions {
		check("call "+f.Schema+"."+f.Name, p.Function(f), "has_function_privilege($1, $2::oid, 'execute')", f.OID)
	}
	for _, schema := range p.Catalog.Schemas {
		used := p.Schema(schema) == policy.Allowed || slices.ContainsFunc(p.Catalog.Functions, func(f *catalog.Function) bool { return f.Schema == schema && p.Function(f) })
		check("schema "+schema, used, "has_schema_privilege($1, $2, 'usage')", schema)
		check("create in "+schema, false, "has_schema_privilege($1, $2, 'create')", schema)
	}
	check("connect", true, "has_database_privilege($1, current_database(), 'connect')")
	check("temp, create", false, "has_database_privilege($1, current_database(), 'temp, create')")
	check("pg_read_file", false, "has_function_privilege($1, 'pg_read_file(text)', 'execute')")
	check("large object", false, "exists (select from pg_largeobject_metadata, aclexplode(lomacl) where grantee in (0, (select oid from pg_roles where rolname = $1)))")
	check("memberships", false, "exists (select from pg_auth_members where member = (select oid from pg_roles where rolname = $1))")
	check("attributes", true, `exists (select from pg_roles where rolname = $1 and rolcanlogin and rolconnlimit = 12
		and not (rolsuper or rolinherit or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls))`)
	if allowed < 20 || denied < 40 {
		t.Errorf("%d privileges allowed and %d denied: too few to tell", allowed, denied)
	}
}

// state is who was granted what, in what order so ever, and what the roles of the
// test are like.
func state(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
		with acl as (
			select 'table ' || oid::regclass as what, coalesce(relacl, acldefault('r', relowner)) as acl from pg_class
			union all select 'column ' || attrelid::regclass || attname, attacl from pg_attribute
			union all select 'schema ' || nspname, nspacl from pg_namespace
			union all select 'function ' || oid::regprocedure, proacl from pg_proc
			union all select 'large object ' || oid, lomacl from pg_largeobject_metadata
			union all select 'language ' || lanname, lanacl from pg_language
			union all select 'database', datacl from pg_database where datname = current_database()
			union all select 'default ' || defaclrole::regrole || defaclnamespace || defaclobjtype::text, defaclacl from pg_default_acl
		)
		select what || ': ' || item::text from acl, unnest(acl) item
		union all select 'setting ' || setrole::regrole || ' ' || setconfig::text from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database())
		union all select 'role ' || r::text from pg_roles r where rolname like '%' || $1
		union all select 'relation ' || relname from pg_class where oid >= 16384
		order by 1`, fmt.Sprint(conn.PgConn().PID()))
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// roles are the names of a role that is hard to quote and of two that are not.
// They are the test's own, and dropped at its end.
func roles(t *testing.T, admin *pgx.Conn) (odd, other, app string) {
	t.Helper()
	pid := admin.PgConn().PID()
	odd = fmt.Sprintf(`R "ö' $$ \ :x %d`, pid)
	other, app = fmt.Sprintf("grants_other_%d", pid), fmt.Sprintf("grants_app_%d", pid)
	t.Cleanup(func() {
		for _, role := range []string{odd, other, app} {
			for _, sql := range []string{"drop owned by %s cascade", "drop role if exists %s"} {
				admin.Exec(context.Background(), fmt.Sprintf(sql, catalog.Quote(role)))
			}
		}
	})
	return odd, other, app
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func load(t *testing.T, conn *pgx.Conn) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func exec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
}

func ask(t *testing.T, conn *pgx.Conn, expression string, args ...any) bool {
	t.Helper()
	var yes bool
	if err := conn.QueryRow(t.Context(), "select "+expression, args...).Scan(&yes); err != nil {
		t.Fatalf("%s %v: %v", expression, args, err)
	}
	return yes
}

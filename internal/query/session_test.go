package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/grants"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/policy"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

// TestFlightLeavesNothing flies every statement of the guard's cases, those that it
// refuses too: should it ever let one through, the flight alone must leave the
// session and the database as they were, or drop the connection. What a flight
// cannot undo is listed, and must be refused by the guard.
func TestFlightLeavesNothing(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		script, err := os.ReadFile("../guard/testdata/fixture.sql")
		if err != nil {
			t.Fatal(err)
		}
		u := s.Open(t, string(script)+rowsScript)
		admin := connectAdmin(t, u)
		p := practice(t, admin)
		roles := []string{"granted"}
		if s == pgtest.Any(t) {
			roles = []string{"plain", "granted"}
		}
		for _, role := range roles {
			t.Run(role, func(t *testing.T) {
				flyAll(t, admin, as(t, admin, p, u, role), p)
			})
		}
	})
}

// rowsScript gives the fixture some rows.
const rowsScript = `
insert into clinic.owners (id, name, iban, pin_hash, since) values (1, 'Ann', 'DE1', 'h1', '2020-01-01'), (2, 'Bob', 'DE2', 'h2', '2021-01-01');
insert into clinic.pets (id, owner_id, name, kind) values (1, 1, 'Tom', 'cat'), (2, 2, 'Rex', 'dog');
insert into clinic.staff (id, name, role, salary) values (1, 'Eve', 'vet', 100);
insert into clinic.log (id, what) values (1, 'opened');
insert into clinic.cards (id, number, expires) values (1, '4711', '2030-01-01');
insert into vault.keys values (1, 'secret');
`

// residue is what a flight cannot undo: READ ONLY does not forbid it, and ROLLBACK
// does not take it back.
var residue = map[string]string{
	"PREPARE p AS SELECT 1":                                                      prepared,
	"PREPARE taken AS SELECT iban FROM owners":                                   prepared,
	"PREPARE taken (int) AS DELETE FROM pets WHERE id = $1":                      prepared,
	"SELECT pg_advisory_lock(1)":                                                 locked,
	"SELECT pg_advisory_lock_shared(1, 2)":                                       locked,
	"SELECT pg_try_advisory_lock(3) FROM pets":                                   locked,
	"SELECT name FROM pets WHERE pg_advisory_lock(4) IS NULL":                    locked,
	"SELECT * FROM pg_try_advisory_lock_shared(5)":                               locked,
	"WITH l AS MATERIALIZED (SELECT pg_advisory_lock(6)) SELECT count(*) FROM l": locked,
	"SELECT (7::bigint).pg_try_advisory_lock":                                    locked,
}

const (
	prepared = "prepared statements last as long as the session"
	locked   = "advisory locks that are not a transaction's do, too"
)

// harmful reports whether a statement is one that no server should be given: it
// cannot be stopped, or ends the server and with it every session.
func harmful(err error) bool {
	r, ok := errors.AsType[*guard.Refusal](err)
	return ok && (r.Code == guard.TooLong || r.Code == guard.NotSupported && unstoppable.MatchString(r.Message))
}

var unstoppable = regexp.MustCompile(`would make|would keep|of what|could not be stopped|how much|how long|RETURNING of JSON`)

// flyAll flies the statements one after another over one connection.
func flyAll(t *testing.T, admin *pgx.Conn, db *postgres.Database, p *policy.Policy) {
	left := map[string]string{}
	flown, dropped, skipped := 0, 0, 0
	before, database := session(t, db), state(t, admin)
	all := cases(t)
	for i, sql := range all {
		if _, refusal := guard.Check(sql, p); harmful(refusal) {
			skipped++
		} else {
			o := ask(sql)
			o.searchPath = p.SearchPath
			o.limits.StatementTimeout = time.Second
			run(t.Context(), db, o) // what comes of it, and whether, does not matter here
			flown++
		}
		after := session(t, db)
		if before["pid"] != after["pid"] {
			dropped++
		} else if diff := cmp.Diff(before, after); diff != "" {
			left[sql] = diff
			disconnect(t, db)
			after = session(t, db)
		}
		before = after
		if i%50 == 49 || i == len(all)-1 {
			if diff := cmp.Diff(database, state(t, admin)); diff != "" {
				t.Fatalf("the database has changed by one of the last statements, up to %s\n%s", sql, diff)
			}
		}
	}
	t.Logf("%d statements flown, %d too harmful; %d connections dropped; %d statements left something behind", flown, skipped, dropped, len(left))
	for _, sql := range slices.Sorted(maps.Keys(left)) {
		if residue[sql] == "" {
			t.Errorf("%s\nleft behind:\n%s", sql, left[sql])
		}
	}
	for sql, why := range residue {
		if left[sql] == "" {
			t.Errorf("%s\nleft nothing behind, though %s", sql, why)
		}
		if _, err := guard.Check(sql, p); err == nil {
			t.Errorf("not refused: %s", sql)
		}
	}
}

// session is what the connection of the pool holds.
func session(t *testing.T, db *postgres.Database) map[string]any {
	t.Helper()
	c, err := db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	r := c.Raw().ExecParams(t.Context(), `
select jsonb_build_object(
	'pid', pg_backend_pid(), 'user', current_user, 'session user', session_user, 'temporary schema', pg_my_temp_schema()::bigint,
	'settings', (select jsonb_object_agg(name, setting) from pg_settings where name !~ '[.]'), -- modules bring theirs, and stay
	'prepared', (select jsonb_agg(name) from pg_prepared_statements),
	'cursors', (select jsonb_agg(name) from pg_cursors where name <> ''),
	'channels', (select jsonb_agg(c) from pg_listening_channels() c),
	'locks', (select jsonb_agg(to_jsonb(l)) from pg_locks l where pid = pg_backend_pid() and (locktype = 'advisory' or relation >= 16384)))`,
		nil, nil, nil, nil).Read()
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	var s map[string]any
	if err := json.Unmarshal(r.Rows[0][0], &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// disconnect drops the connection of the pool.
func disconnect(t *testing.T, db *postgres.Database) {
	t.Helper()
	c, err := db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Raw().Close(t.Context())
	c.Release()
}

// state is what the database holds, and the server of what it can do for it.
func state(t *testing.T, admin *pgx.Conn) map[string]any {
	t.Helper()
	var s map[string]any
	err := admin.QueryRow(t.Context(), `
select jsonb_build_object(
	'relations', (select md5(string_agg(concat_ws(',', oid, relname, relnamespace, relfilenode, relacl::text), ';' order by oid)) from pg_class where relkind <> 't'),
	'functions', (select md5(string_agg(concat_ws(',', oid, proname, proacl::text, prosrc), ';' order by oid)) from pg_proc),
	'rows', (select md5(string_agg(query_to_xml('select * from only ' || oid::regclass, true, true, '')::text, '' order by oid))
		from pg_class where relkind in ('r', 'm') and oid >= 16384 and relpersistence <> 't'),
	'sequences', (select jsonb_object_agg(schemaname || '.' || sequencename, last_value) from pg_sequences),
	'settings', (select md5(string_agg(s::text, ';' order by s::text)) from pg_db_role_setting s
		where setdatabase = (select oid from pg_database where datname = current_database())),
	'roles', (select md5(string_agg(r::text || (select count(*) from pg_auth_members where member = r.oid), ';' order by r.oid))
		from pg_roles r where rolname ~ ('^flight_.*_' || pg_backend_pid() || '$')),
	'large objects', (select count(*) from pg_largeobject_metadata),
	'slots', (select count(*) from pg_replication_slots where database = current_database()),
	'transactions', (select count(*) from pg_prepared_xacts where database = current_database()))`).Scan(&s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// cases are the statements of the guard's cases, whatever is said of them.
func cases(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../guard/testdata/*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	var all []string
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sql := ""
		for line := range strings.Lines(string(b)) {
			switch {
			case strings.HasPrefix(line, "#"), strings.HasPrefix(line, "   "):
			case line == "\n" || strings.HasPrefix(line, "=>"):
				if strings.HasPrefix(sql, `\"`) {
					if _, err := fmt.Sscanf(sql[1:], "%q", &sql); err != nil {
						t.Fatal(err)
					}
				}
				if sql != "" {
					all = append(all, strings.TrimSuffix(sql, "\n"))
				}
				sql = ""
			default:
				sql += line
			}
		}
	}
	return all
}

func connectAdmin(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// practice closes the fixture's policy over the database.
func practice(t *testing.T, admin *pgx.Conn) *policy.Policy {
	t.Helper()
	c, err := catalog.Load(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("../guard/testdata/policy.json")
	if err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{}
	if err := json.Unmarshal(b, cfg); err != nil {
		t.Fatal(err)
	}
	return policy.Compile(cfg, "practice").Close(c)
}

// as opens the database as a new role with one connection: a plain role that reads
// everything, or the one that the policy's grants make.
func as(t *testing.T, admin *pgx.Conn, p *policy.Policy, u, kind string) *postgres.Database {
	t.Helper()
	role := fmt.Sprintf("flight_%s_%d", kind, admin.PgConn().PID())
	script := "create role " + role + " login"
	for _, schema := range p.Catalog.Schemas {
		script += "; grant usage on schema " + schema + " to " + role + "; grant select on all tables in schema " + schema + " to " + role
	}
	if kind == "granted" {
		script = grants.SQL(p, role)
	}
	if _, err := admin.Exec(t.Context(), script+"; alter role "+role+" password 'flight'"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec(context.Background(), "drop owned by "+role+"; drop role "+role); err != nil {
			t.Error(err)
		}
	})
	parsed, err := url.Parse(u)
	if err != nil {
		t.Fatal(err)
	}
	parsed.User = url.UserPassword(role, "flight")
	return open(t, parsed.String(), func(c *config.Config) {
		d := c.Databases["shop"]
		d.Pool.Max, d.Schemas = 1, []string{"clinic", "report"}
		c.Databases["shop"] = d
	})
}

package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/grants"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// reader makes a role that may read everything, and gives the URL by which it
// connects. It is dropped at the end of the test.
func reader(t *testing.T, adminURL string) (role, u string, admin *pgx.Conn) {
	t.Helper()
	admin, err := pgx.Connect(t.Context(), adminURL)
	if err != nil {
		t.Fatal(err)
	}
	role = fmt.Sprintf("attest_%d", admin.PgConn().PID())
	t.Cleanup(func() {
		for _, sql := range []string{"drop owned by %s, %[1]s_group", "drop role %s", "drop role %s_group"} {
			if _, err := admin.Exec(context.Background(), fmt.Sprintf(sql, role)); err != nil {
				t.Error(err)
			}
		}
		admin.Close(context.Background())
	})
	admin1(t, admin, "create role %s_group", role)
	admin1(t, admin, "create role %s login password 'test'", role)
	admin1(t, admin, "grant select on all tables in schema public to %s", role)
	parsed, err := url.Parse(adminURL)
	if err != nil {
		t.Fatal(err)
	}
	parsed.User = url.UserPassword(role, "test")
	return role, parsed.String(), admin
}

// admin1 runs a statement about a role, or the connection's database.
func admin1(t *testing.T, admin *pgx.Conn, format, role string) {
	t.Helper()
	sql := strings.NewReplacer("%s", role, "%d", admin.Config().Database).Replace(format)
	if _, err := admin.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// strict opens a database as most people do: no privileged role is allowed.
func strict(t *testing.T, u string, log *slog.Logger, change ...func(*config.Config)) *Database {
	t.Helper()
	c := configure(t, map[string]string{"shop": u})
	c.Security.AllowPrivilegedRole = false
	for _, f := range change {
		f(c)
	}
	d, err := Open(t.Context(), c, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	db, _ := d.Get(t.Context(), "")
	return db
}

// A role that goes around every policy is refused, however it comes by that, with
// what would help and without a secret; the setting lets it in, and says so.
func TestPrivilegedRoleIsRefused(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		for _, c := range []struct{ make, problem string }{
			{"alter role %s superuser", "is a superuser, or can become one"},
			{"alter role %s_group superuser; grant %s_group to %s", "is a superuser, or can become one"},
			{"alter role %s bypassrls", "goes around row-level security"},
			{"alter role %s replication", "may replicate, which copies everything"},
			{"alter role %s_group replication; grant %s_group to %s; alter role %s noinherit", "may replicate, which copies everything"},
			{"grant pg_execute_server_program to %s", "may run programs on the server"},
			{"grant pg_write_server_files to %s_group; grant %s_group to %s", "may write files of the server"},
			{"grant pg_read_server_files to %s", "may read files of the server"},
		} {
			t.Run(c.make, func(t *testing.T) {
				role, u, admin := reader(t, s.Open(t, "create table items (id int)"))
				admin1(t, admin, c.make, role)
				_, err := strict(t, u, slog.New(slog.DiscardHandler)).Acquire(t.Context())
				unavailable, ok := errors.AsType[*Unavailable](err)
				if !ok || err.Error() != "database shop is not available: its role "+c.problem {
					t.Fatalf("got %v", err)
				}
				for _, want := range []string{"pgmcp grants CONFIG --db shop", "security.allow_privileged_role"} {
					if !strings.Contains(unavailable.Hint(), want) {
						t.Errorf("the hint %q lacks %q", unavailable.Hint(), want)
					}
				}
				allowed := strict(t, u, slog.New(slog.DiscardHandler), func(c *config.Config) { c.Security.AllowPrivilegedRole = true })
				if _, err := allowed.Policy(t.Context()); err != nil {
					t.Fatal(err)
				}
				if h := allowed.Health(t.Context()); h.Status != "ok" || len(h.Warnings) != 1 || h.Warnings[0] != c.problem {
					t.Errorf("health: %+v", h)
				}
			})
		}
	})
}

// What one database is allowed says nothing about the others.
func TestPrivilegedRoleOfOneDatabase(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		all  bool
		one  *bool
		want bool
	}{{false, nil, false}, {true, nil, true}, {false, &yes, true}, {true, &no, false}} {
		cfg := &config.Config{Databases: map[string]config.Database{"shop": {Security: &config.Overrides{AllowPrivilegedRole: c.one}}, "desk": {}}}
		cfg.Security.AllowPrivilegedRole = c.all
		for name, want := range map[string]bool{"shop": c.want, "desk": c.all} {
			s := &settings{database: cfg.Databases[name], security: cfg.Security}
			if s.allowPrivileged() != want {
				t.Errorf("%+v: %s", c, name)
			}
		}
	}
}

// Every new connection is looked at, and an old one when the catalog is read: a
// role can be altered. Once it is as it should be, the database is back.
func TestAlteredRoleIsNoticed(t *testing.T) {
	role, u, admin := reader(t, pgtest.Open(t, "create table items (id int)"))
	db := strict(t, u, slog.New(slog.DiscardHandler))
	if _, err := db.Policy(t.Context()); err != nil {
		t.Fatal(err)
	}
	unfit := func(when string, err error) {
		t.Helper()
		if e, ok := errors.AsType[*Unfit](err); !ok || !e.Role {
			t.Errorf("%s: got %v", when, err)
		}
	}
	first, err := db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	admin1(t, admin, "alter role %s bypassrls", role)
	_, err = db.Acquire(t.Context()) // a second connection
	unfit("new connection", err)
	admin1(t, admin, "alter role %s nobypassrls", role)
	db.gate.mu.Lock()
	db.gate.at = db.gate.at.Add(-remembered)
	db.gate.mu.Unlock()
	first.Release()
	if err := db.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	admin1(t, admin, "alter role %s bypassrls", role)
	unfit("reading the catalog", db.Refresh(t.Context()))
	if h := db.Health(t.Context()); h.Status != "down" || h.Error != "its role goes around row-level security" {
		t.Errorf("health: %+v", h)
	}
	_, err = db.Acquire(t.Context())
	unfit("afterwards", err)
}

// A refusal holds for a while without another connection.
func TestRefusalIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{refusal: &Unfit{Problem: "no", Role: true}, at: time.Now()}
		for waited := time.Duration(0); waited < 2*remembered; waited += time.Second {
			if err := g.early(t.Context(), nil); (err != nil) != (waited < remembered) {
				t.Errorf("after %v: %v", waited, err)
			}
			time.Sleep(time.Second)
		}
	})
}

// Only the releases whose functions are known are served, and only UTF8.
func TestServerIsRefused(t *testing.T) {
	admin, err := pgx.Connect(t.Context(), pgtest.Open(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close(context.Background()) })
	name := admin.Config().Database + "_latin1"
	admin1(t, admin, "create database %s template template0 encoding 'LATIN1' locale 'C'", name)
	t.Cleanup(func() {
		if _, err := admin.Exec(context.Background(), "drop database "+name+" with (force)"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(admin.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	_, err = one(t, u.String()).Acquire(t.Context())
	want := "database shop is not available: its encoding is LATIN1, and pgmcp serves UTF8"
	if unavailable, ok := errors.AsType[*Unavailable](err); !ok || err.Error() != want || strings.Contains(unavailable.Hint(), "grants") {
		t.Errorf("got %v, want %s", err, want)
	}
	for version, want := range map[string]string{
		"140011": "it is PostgreSQL 14, and pgmcp serves 15 to 18",
		"190000": "it is PostgreSQL 19, and pgmcp serves 15 to 18",
		"150000": "<nil>",
		"180004": "<nil>",
	} {
		if _, err := judge(version, "UTF8", false, nil, false); fmt.Sprint(err) != want {
			t.Errorf("%s: %v, want %s", version, err, want)
		}
	}
}

// What the role can do beyond the policy is counted and not named, and said once.
// The role that the grants make can do nothing of it.
func TestWarnings(t *testing.T) {
	const script = `
		create table items (id int, name text, secret text);
		create table costs (id int, amount numeric);
		create schema closed;
		create table closed.things (id int);
		create sequence numbers;
		create function helper() returns int language sql as 'select 1';
		create function guarded() returns trigger language plpgsql as 'begin return new; end'`
	blocked := func(c *config.Config) {
		c.Security.Blocked = config.Blocked{Tables: []string{"public.costs"}, Columns: []string{"items.secret"}}
	}
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		role, u, admin := reader(t, s.Open(t, script))
		var log bytes.Buffer
		db := strict(t, u, slog.New(slog.NewTextHandler(&log, nil)), blocked)
		warnings := func() []string {
			t.Helper()
			if err := db.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if h := db.Health(t.Context()); cmp.Diff(h.Warnings, db.Role().Warnings()) != "" {
				t.Errorf("health says %q", h.Warnings)
			}
			return db.Role().Warnings()
		}
		want := []string{"may read 3 columns that the policy closes", "may call 1 function that the policy does not allow", "may make temporary tables"}
		if diff := cmp.Diff(want, warnings()); diff != "" || !db.Role().Reader() {
			t.Errorf("a reader: -want +got:\n%s", diff)
		}
		warnings()
		if n := strings.Count(log.String(), "can do more than the policy allows"); n != 1 {
			t.Errorf("it was said %d times:\n%s", n, &log)
		}
		for _, name := range []string{"costs", "secret", "helper", "closed.", "test@"} {
			if strings.Contains(log.String(), name) {
				t.Errorf("%s is named in the log:\n%s", name, &log)
			}
		}

		for _, sql := range []string{
			"grant insert on items to %s", "grant update (id) on costs to %s", "grant usage on sequence numbers to %s",
			"grant create on schema public to %s", "grant create on database %d to %s", "grant select on closed.things to %s",
			"alter role %s createdb createrole", "grant pg_monitor to %s", "alter function helper owner to %s_group", "grant %s_group to %s",
		} {
			admin1(t, admin, sql, role)
		}
		want = []string{"may make databases", "may make roles", "is a member of pg_monitor", "owns 1 object", "may write to 3 tables",
			"may make things in 2 schemas", "may read 3 columns that the policy closes",
			"may call 1 function that the policy does not allow", "may make temporary tables"}
		if diff := cmp.Diff(want, warnings()); diff != "" || db.Role().Reader() {
			t.Errorf("a writer: -want +got:\n%s", diff)
		}

		p, err := db.Policy(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := admin.Exec(t.Context(), grants.SQL(p, role)); err != nil {
			t.Fatal(err)
		}
		if got := warnings(); len(got) > 0 {
			t.Errorf("with the grants: %q", got)
		}
	})
}

// Looking at a new connection takes one round trip.
func TestAttestationTakesOneRoundTrip(t *testing.T) {
	u, proxy := behind(t, pgtest.Open(t, ""))
	conn, err := pgx.Connect(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	before := proxy.Trips()
	g := &gate{allowPrivileged: true}
	if err := g.settle(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	if n := proxy.Trips() - before; n != 1 {
		t.Errorf("it took %d round trips", n)
	}
}

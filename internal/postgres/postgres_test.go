package postgres

import (
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

func TestRouting(t *testing.T) {
	nowhere := "postgres://someone@" + closedPort(t) + "/db?sslmode=disable"
	several := serve(t, map[string]string{"shop": nowhere, "desk": nowhere, "sales_2025": nowhere})
	if diff := cmp.Diff([]string{"desk", "sales_2025", "shop"}, several.Names(t.Context())); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for _, c := range []struct{ name, problem, hint string }{
		{"shop", "", ""},
		{"desk", "", ""},
		{"", "several databases are served", "say which one: desk, sales_2025, shop"},
		{"shp", `unknown database "shp"`, `did you mean "shop"? Served are: desk, sales_2025, shop`},
		{"SHOP", `unknown database "SHOP"`, `did you mean "shop"? Served are: desk, sales_2025, shop`},
		{"warehouse", `unknown database "warehouse"`, `served are: desk, sales_2025, shop`},
	} {
		db, err := several.Get(t.Context(), c.name)
		if c.problem == "" {
			if err != nil || db.Name != c.name {
				t.Errorf("%q: %v, %v", c.name, db, err)
			}
			continue
		}
		var unknown *UnknownDatabase
		if !errors.As(err, &unknown) || err.Error() != c.problem || unknown.Hint() != c.hint {
			t.Errorf("%q: got %v, %+v", c.name, err, unknown)
		}
	}

	alone := serve(t, map[string]string{"shop": nowhere})
	if db, err := alone.Get(t.Context(), ""); err != nil || db.Name != "shop" {
		t.Errorf("no name with one database: %v, %v", db, err)
	}
}

// Of another configuration, what is the same is the same, and lives until the last
// owner closes it.
func TestReopen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "url")
	write := func(user string) {
		if err := os.WriteFile(file, []byte("postgres://"+user+"@"+closedPort(t)+"/db?sslmode=disable"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	nowhere := "postgres://someone@" + closedPort(t) + "/db?sslmode=disable"
	first := configure(t, map[string]string{"shop": nowhere, "desk": nowhere, "rotated": nowhere})
	change := func(c *config.Config, name string, f func(*config.Database)) {
		db := c.Databases[name]
		f(&db)
		c.Databases[name] = db
	}
	change(first, "rotated", func(db *config.Database) { db.URL = config.Secret{File: file} })
	log := slog.New(slog.DiscardHandler)
	a, err := Open(t.Context(), first, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	second := *first
	second.Databases = maps.Clone(first.Databases)
	change(&second, "desk", func(db *config.Database) { db.Pool.Max++ })
	second.Observability.Log.Level = "debug" // the logger sees to that
	write("two")
	b, err := a.Reopen(t.Context(), &second, nil, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	for name, same := range map[string]bool{"shop": true, "desk": false, "rotated": false} {
		if (a.byName[name] == b.byName[name]) != same {
			t.Errorf("%s is the same: %v", name, !same)
		}
	}
	stricter := second
	stricter.Security.AllowExplain = !stricter.Security.AllowExplain
	c, err := b.Reopen(t.Context(), &stricter, nil, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	if c.byName["shop"] == b.byName["shop"] {
		t.Error("a database goes on under another policy")
	}
	c.Close()

	shop := a.byName["shop"]
	a.Close()
	if shop.keeper.life.Err() != nil {
		t.Error("it was closed although it has another owner")
	}
	b.Close()
	if shop.keeper.life.Err() == nil {
		t.Error("it was not closed")
	}
	d, err := b.Reopen(t.Context(), &second, nil, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	if d.byName["shop"] == shop {
		t.Error("a closed database was taken over")
	}
	d.Close()
}

func TestOpenNamesEveryBadURLAndNoSecret(t *testing.T) {
	c := configure(t, map[string]string{
		"shop": "postgres://anna:pa#ss/w0rd@db.example.com:notaport/shop",
		"desk": "host=db.example.com password=pa#ss/w0rd port=x",
		"fine": "postgres://anna:pa@db.example.com/shop",
		"none": "",
	})
	empty := c.Databases["none"]
	empty.URL = config.Secret{File: filepath.Join(t.TempDir(), "missing")}
	c.Databases["none"] = empty
	_, err := Open(t.Context(), c, nil, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("opened")
	}
	for _, want := range []string{"url of database shop: ", "url of database desk: ", "url of database none: read secret"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
	for _, secret := range []string{"anna", "pa#ss", "w0rd", "db.example.com", "fine"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q is in: %v", secret, err)
		}
	}
}

func TestSecretIsReadOnce(t *testing.T) {
	c := configure(t, map[string]string{"shop": pgtest.Open(t, "")})
	d, err := Open(t.Context(), c, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := os.Remove(c.Databases["shop"].URL.File); err != nil {
		t.Fatal(err)
	}
	db, _ := d.Get(t.Context(), "shop")
	conn, err := db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn.Release()
}

// One database is down from the start, then comes up, goes and comes again. The
// other is served all the time, and nothing is restarted.
func TestDownDoesNotStopOthers(t *testing.T) {
	script := "create table items (id int)"
	flakyURL, proxy := behind(t, pgtest.Open(t, script))
	proxy.Down(true)
	d := serve(t, map[string]string{"flaky": flakyURL, "steady": pgtest.Open(t, script)})
	flaky, _ := d.Get(t.Context(), "flaky")
	steady, _ := d.Get(t.Context(), "steady")

	works := func(db *Database) error {
		if _, err := db.Policy(t.Context()); err != nil {
			return err
		}
		c, err := db.Acquire(t.Context())
		if err != nil {
			return err
		}
		defer c.Release()
		return c.Raw().ExecParams(t.Context(), "select id from items", nil, nil, nil, nil).Read().Err
	}
	check := func(when string, up bool) {
		t.Helper()
		if err := works(steady); err != nil {
			t.Errorf("%s: the steady one: %v", when, err)
		}
		start := time.Now()
		err := works(flaky)
		var unavailable *Unavailable
		switch {
		case up && err != nil:
			t.Errorf("%s: %v", when, err)
		case !up && !errors.As(err, &unavailable):
			t.Errorf("%s: got %v, want *Unavailable", when, err)
		case !up && time.Since(start) > 2*time.Second:
			t.Errorf("%s: it took %v to say so", when, time.Since(start))
		}
	}
	check("down at start", false)
	proxy.Down(false)
	check("up", true)
	proxy.Down(true)
	proxy.Cut()
	flaky.pool.Reset() // what idles for less than a second is not looked at
	check("down later", false)
	proxy.Down(false)
	check("up again", true)
}

func TestNewTableAfterRefresh(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		u := s.Open(t, "create type mood as enum ('good', 'bad')")
		db := one(t, u)
		p, err := db.Policy(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if p.Catalog.Relation("public", "later") != nil {
			t.Fatal("it is there already")
		}
		exec(t, db, "create table later (id int, moods mood[])")
		if err := db.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		p, err = db.Policy(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		later := p.Catalog.Relation("public", "later")
		if later == nil {
			t.Fatal("it is not there")
		}
		types := db.Types()
		moods := types[later.Column("moods").TypeOID]
		if moods.Name != "public.mood[]" || types[moods.Element].Name != "public.mood" {
			t.Errorf("type of moods: %+v of %+v", moods, types[moods.Element])
		}
		want := map[uint32]Type{
			20:   {OID: 20, Name: "int8", Delimiter: ','},
			1009: {OID: 1009, Name: "text[]", Element: 25, Delimiter: ','},
			603:  {OID: 603, Name: "box", Delimiter: ';'},
			22:   {OID: 22, Name: "int2vector", Delimiter: ','},
		}
		for oid, w := range want {
			if diff := cmp.Diff(w, types[oid]); diff != "" {
				t.Errorf("type %d (-want +got):\n%s", oid, diff)
			}
		}
	})
}

func TestCatalogIsRefreshedInTheBackground(t *testing.T) {
	db := one(t, pgtest.Open(t, ""), func(c *config.Database) { c.CatalogRefresh = config.Duration(20 * time.Millisecond) })
	exec(t, db, "create table later (id int)")
	eventually(t, "the table is in the catalog", func() bool {
		p, err := db.Policy(t.Context())
		return err == nil && p.Catalog.Relation("public", "later") != nil
	})
}

func TestPoolIsBounded(t *testing.T) {
	db := one(t, pgtest.Open(t, ""), func(c *config.Database) { c.Pool = config.Pool{Min: 2, Max: 3} })
	eventually(t, "the first two connections are open", func() bool { return db.pool.Stat().TotalConns() >= 2 })
	if n := db.Health(t.Context()).Max; n != 3 {
		t.Errorf("at most %d connections, want 3", n)
	}
}

// exec runs a statement of the test on a connection of the pool.
func exec(t testing.TB, db *Database, sql string) {
	t.Helper()
	c, err := db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	if err := c.Raw().ExecParams(t.Context(), sql, nil, nil, nil, nil).Read().Err; err != nil {
		t.Fatal(err)
	}
}

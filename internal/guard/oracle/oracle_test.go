// Package oracle asks PostgreSQL itself whether the guard is right.
package oracle

import (
	"bytes"
	"context"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

var update = flag.Bool("update", false, "rewrite ../testdata/catalog.json")

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	fixture     = "../testdata/fixture.sql"
	fixtureJSON = "../testdata/catalog.json"
)

// openURL makes a database of the fixture and returns a superuser's URL of it.
func openURL(t *testing.T, s *pgtest.Server) string {
	t.Helper()
	script, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	return s.Open(t, string(script))
}

// open makes a database of the fixture and connects to it.
func open(t *testing.T, s *pgtest.Server) *pgx.Conn {
	t.Helper()
	return connect(t, openURL(t, s))
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

// TestCatalogIsCurrent shows that the guard's own tests judge what fixture.sql makes.
func TestCatalogIsCurrent(t *testing.T) {
	conn := open(t, pgtest.Any(t))
	loaded, err := catalog.Load(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	// What differs from server to server, and from time to time.
	loaded.Database, loaded.LoadedAt, loaded.ServerVersion = "practice", time.Time{}, 180000
	for _, r := range loaded.Relations {
		r.Owner, r.Definition = "", ""
	}
	f, err := os.Open(fixtureJSON)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	kept, err := catalog.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case kept.Fingerprint() == loaded.Fingerprint(): // the OIDs are others, each time
	case *update:
		var b bytes.Buffer
		if err := loaded.Write(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(fixtureJSON, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("catalog.json is not what fixture.sql makes: run the test with -update")
	}
}

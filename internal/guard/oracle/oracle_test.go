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

// open makes a database of the fixture and connects to it.
func open(t *testing.T, url func(script string) string) *pgx.Conn {
	t.Helper()
	script, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url(string(script)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// TestCatalogIsCurrent shows that the guard's own tests judge what fixture.sql makes.
func TestCatalogIsCurrent(t *testing.T) {
	conn := open(t, func(script string) string { return pgtest.Open(t, script) })
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

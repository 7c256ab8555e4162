package catalog_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// load loads the catalog of the database at url.
func load(t testing.TB, url string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load(t.Context(), connect(t, url, nil))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// connect opens a connection for the time of the test.
func connect(t testing.TB, url string, tracer pgx.QueryTracer) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.Tracer = tracer
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}

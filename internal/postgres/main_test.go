package postgres

import (
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

type withServers struct{ m *testing.M }

func (w withServers) Run() int { return pgtest.Run(w.m) }

func TestMain(m *testing.M) { goleak.VerifyTestMain(withServers{m}) }

// serve opens databases by their URLs, with the defaults of the schema.
func serve(t testing.TB, urls map[string]string, change ...func(*config.Database)) *Databases {
	t.Helper()
	d, err := Open(t.Context(), configure(t, urls, change...), nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func configure(t testing.TB, urls map[string]string, change ...func(*config.Database)) *config.Config {
	t.Helper()
	c := &config.Config{
		Databases: map[string]config.Database{},
		Security:  config.Security{AllowPrivilegedRole: true}, // the tests' servers lend a superuser
	}
	for name, u := range urls {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(u+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		db := config.Database{
			URL:            config.Secret{File: file},
			Pool:           config.Pool{Max: 4, MaxOrphans: 2},
			ConnectTimeout: config.Duration(5 * time.Second),
			CatalogRefresh: config.Duration(5 * time.Minute),
			Schemas:        []string{"public"},
		}
		for _, f := range change {
			f(&db)
		}
		c.Databases[name] = db
	}
	return c
}

// one opens a single database.
func one(t testing.TB, u string, change ...func(*config.Database)) *Database {
	t.Helper()
	db, err := serve(t, map[string]string{"shop": u}, change...).Get(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// behind puts a proxy before the database at u.
func behind(t testing.TB, u string) (string, *pgtest.Proxy) {
	t.Helper()
	parsed, err := url.Parse(u)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pgtest.NewProxy(parsed.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	parsed.Host = p.Addr()
	return parsed.String(), p
}

// closedPort is an address at which nobody listens.
func closedPort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// eventually polls until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

package query

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/policy"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

type withServers struct{ m *testing.M }

func (w withServers) Run() int { return pgtest.Run(w.m) }

func TestMain(m *testing.M) { goleak.VerifyTestMain(withServers{m}) }

// configure is a configuration of one database, with the defaults of the schema.
func configure(t testing.TB, u string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte(u), 0o600); err != nil {
		t.Fatal(err)
	}
	return &config.Config{
		Databases: map[string]config.Database{"shop": {
			URL:            config.Secret{File: file},
			Pool:           config.Pool{Max: 4, MaxOrphans: 2},
			ConnectTimeout: config.Duration(5 * time.Second),
			CatalogRefresh: config.Duration(5 * time.Minute),
			Schemas:        []string{"public"},
		}},
		Security: config.Security{
			AllowExplain:        true,
			AllowPrivilegedRole: true, // the tests' servers lend a superuser
			Limits: config.Limits{
				MaxStatementSize: 16 << 10,
				MaxTokens:        4000,
				MaxRows:          1000,
				MaxBytes:         1 << 20,
				StatementTimeout: config.Duration(5 * time.Second),
			},
		},
	}
}

func serve(t testing.TB, c *config.Config) *postgres.Databases {
	t.Helper()
	d, err := postgres.Open(t.Context(), c, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// open opens the database at u, its catalog read.
func open(t testing.TB, u string, change ...func(*config.Config)) *postgres.Database {
	t.Helper()
	c := configure(t, u)
	for _, f := range change {
		f(c)
	}
	db, err := serve(t, c).Get(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Policy(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// ask is an order for any text, which tests may run though no guard has seen it.
func ask(sql string) order {
	return order{
		sql:        sql,
		searchPath: []string{"public"},
		limits:     policy.Limits{MaxRows: 1000, MaxBytes: 1 << 20, StatementTimeout: 5 * time.Second},
		requestID:  "0123456789abcdef0123456789abcdef",
	}
}

// run takes an order on a flight, under the policy of the newest catalog.
func run(ctx context.Context, db *postgres.Database, o order) (*Result, error) {
	p, err := db.Policy(ctx)
	if err != nil {
		return nil, err
	}
	o.policy = p
	f, err := depart(ctx, db, o.limits.StatementTimeout)
	if err != nil {
		return nil, err
	}
	defer f.land()
	return f.rows(o)
}

// rows are the rows of a statement that must work.
func rows(t testing.TB, db *postgres.Database, sql string) string {
	t.Helper()
	r, err := run(t.Context(), db, ask(sql))
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return string(r.Rows)
}

// exec runs a statement of the test's own, outside of any flight.
func exec(t testing.TB, db *postgres.Database, sql string) {
	t.Helper()
	c, err := db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	if err := c.Raw().ExecParams(t.Context(), sql, nil, nil, nil, nil).Read().Err; err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
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

// eventually polls until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

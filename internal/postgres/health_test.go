package postgres

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

func TestHealth(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		db := one(t, s.Open(t, `
			create table a (id serial) partition by list (id);
			create table a_1 partition of a for values in (1);
			create view b as select id from a;
			create schema closed;
			create table closed.c (id int)`))
		if _, err := db.Policy(t.Context()); err != nil {
			t.Fatal(err)
		}
		h := db.Health(t.Context())
		want := Health{Status: "ok", Role: "postgres", Warnings: []string{"is a superuser, or can become one"}, ReadOnly: true, Tables: 2, Open: 1, Max: 4, Breaker: "closed"}
		if diff := cmp.Diff(want, h, cmpopts.IgnoreFields(Health{}, "Latency", "ServerVersion", "CatalogAge")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if h.Latency <= 0 || h.CatalogAge <= 0 || h.ServerVersion == "" {
			t.Errorf("%+v", h)
		}
	})
}

// A health check needs one connection, also to look after orphans.
func TestHealthOfAPoolOfOne(t *testing.T) {
	db := one(t, pgtest.Open(t, ""), func(c *config.Database) {
		c.Pool.Max = 1
		c.ConnectTimeout = config.Duration(20 * time.Second)
	})
	if _, err := db.Policy(t.Context()); err != nil {
		t.Fatal(err)
	}
	db.orphans.add("one that has ended")
	start := time.Now()
	if h := db.Health(t.Context()); h.Status != "ok" || h.Orphans != 0 || time.Since(start) > 10*time.Second {
		t.Errorf("after %v: %+v", time.Since(start), h)
	}
}

// To make a connection can be slow. To queue for one that others use is not.
func TestHealthIsSlow(t *testing.T) {
	const slow = 300 * time.Millisecond
	u, proxy := behind(t, pgtest.Open(t, ""))
	resilience := call.NewResilience(map[call.Kind]call.Dependency{
		call.Statement: {Breaker: call.BreakerSettings{Failures: 1, Delay: time.Hour, Slow: slow}},
	}, nil, slog.New(slog.DiscardHandler), nil)
	dbs, err := Open(t.Context(), configure(t, map[string]string{"shop": u}, func(c *config.Database) { c.Pool.Max = 1 }),
		resilience, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dbs.Close)
	db, err := dbs.Get(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Policy(t.Context()); err != nil {
		t.Fatal(err)
	}
	held, err := db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2*slow, held.Release)
	if h := db.Health(t.Context()); h.Status != "ok" || h.Breaker != "closed" {
		t.Errorf("after a queue: %+v", h)
	}
	db.Distrust()
	proxy.Delay(slow / 2)
	if h := db.Health(t.Context()); h.Status != "ok" || h.Breaker != "open" {
		t.Errorf("after a slow connect: %+v", h)
	}
}

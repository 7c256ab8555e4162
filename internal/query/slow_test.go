package query

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// To make a connection can be slow. To queue for one that others use is not, and
// to have an idle one is not.
func TestSlow(t *testing.T) {
	const slow = 300 * time.Millisecond
	u, proxy := behind(t, pgtest.Open(t, itemsScript))
	db := open(t, u, func(c *config.Config) {
		shop := c.Databases["shop"]
		shop.Pool.Max = 1
		c.Databases["shop"] = shop
	})
	resilience := call.NewResilience(map[call.Kind]call.Dependency{
		call.Statement: {Read: Ending, Breaker: call.BreakerSettings{Failures: 1, Delay: time.Hour, Slow: slow}},
	}, call.NewLimits(call.LimitSettings{}, nil), slog.New(slog.DiscardHandler), nil)
	chain := call.New(call.Resilient(resilience))
	attempt := func() {
		t.Helper()
		_, err := call.Do(t.Context(), chain, call.Op{Kind: call.Statement, Name: "shop"}, func(ctx context.Context) (*Result, error) {
			return run(ctx, db, ask("select 1"))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	state := func() string { return resilience.Breaker(call.Key{Kind: call.Statement, Name: "shop"}).State().State }

	held, err := db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2*slow, held.Release)
	start := time.Now()
	attempt()
	if time.Since(start) < slow || state() != "closed" {
		t.Errorf("after a queue of %v it is %s", time.Since(start), state())
	}
	db.Distrust()
	proxy.Delay(slow / 2)
	attempt()
	if state() != "open" {
		t.Errorf("after a slow connect it is %s", state())
	}
}

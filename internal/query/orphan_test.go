package query

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

// haystack is for a LIKE that takes seconds, during which PostgreSQL looks at no
// timeout, no cancel request and no closed connection.
const haystack = `create table haystack as select repeat('a', 400000) as hay, '%' || repeat('a', 20000) || 'b%' as needle`

// A statement that PostgreSQL cannot stop keeps no caller waiting, but counts
// until it has ended. At the bound nothing more is let in.
func TestOrphansAreBounded(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		t.Parallel()
		db := open(t, s.Open(t, haystack), func(c *config.Config) {
			shop := c.Databases["shop"]
			shop.Pool.MaxOrphans = 1
			c.Databases["shop"] = shop
		})
		o := ask("select count(*) from haystack where hay like needle")
		o.limits.StatementTimeout = 100 * time.Millisecond
		start := time.Now()
		_, err := run(t.Context(), db, o)
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != Timeout {
			t.Fatalf("got %v, want a timeout", err)
		}
		if d := time.Since(start); d > o.limits.StatementTimeout+2*grace {
			t.Errorf("the caller waited for %v", d)
		}

		eventually(t, "the statement counts as an orphan", func() bool { return db.Health(t.Context()).Orphans == 1 })
		_, err = run(t.Context(), db, ask("select 1"))
		if e, ok := errors.AsType[*postgres.Unavailable](err); !ok || !strings.HasSuffix(e.Error(), "statements that PostgreSQL cannot stop are still running: 1") {
			t.Errorf("got %v, want *Unavailable", err)
		}

		deadline := time.Now().Add(2 * time.Minute)
		for err != nil && time.Now().Before(deadline) {
			time.Sleep(100 * time.Millisecond)
			_, err = run(t.Context(), db, ask("select 1"))
		}
		if err != nil {
			t.Errorf("nothing is let in after the statement has ended: %v", err)
		}
		if n := db.Health(t.Context()).Orphans; n != 0 {
			t.Errorf("%d orphans are left", n)
		}
	})
}

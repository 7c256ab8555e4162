package query

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

// together takes orders on a flight, under the policy of the newest catalog.
func together(ctx context.Context, db *postgres.Database, orders ...order) ([]*Result, error) {
	p, err := db.Policy(ctx)
	if err != nil {
		return nil, err
	}
	for i := range orders {
		orders[i].policy = p
	}
	f, err := depart(ctx, db, orders[0].limits.StatementTimeout)
	if err != nil {
		return nil, err
	}
	defer f.land()
	return f.together(orders)
}

// What somebody else commits between two of the statements, none of them sees.
func TestTogetherOnOneSnapshot(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		u := s.Open(t, itemsScript)
		db := open(t, u)
		other := open(t, u, func(c *config.Config) { // one session, which has the lock
			shop := c.Databases["shop"]
			shop.Pool.Max = 1
			c.Databases["shop"] = shop
		})
		// The first statement waits until the row has been committed.
		count := ask("select count(*) from items")
		waits := ask("select count(*) from items, (select pg_advisory_xact_lock_shared(7)) l")
		waits.limits.StatementTimeout = time.Minute
		exec(t, other, `select pg_advisory_lock(7)`)
		type ended struct {
			results []*Result
			err     error
		}
		done := make(chan ended)
		go func() {
			results, err := together(t.Context(), db, waits, waits, count)
			done <- ended{results, err}
		}()
		eventually(t, "the first statement waits", func() bool {
			return rows(t, other, `select count(*) from pg_locks where locktype = 'advisory' and not granted`) == "[[1]]"
		})
		exec(t, other, `insert into items (id, name) values (100001, 'late')`)
		exec(t, other, `select pg_advisory_unlock_all()`)
		e := <-done
		if e.err != nil || len(e.results) != 3 {
			t.Fatalf("%d results, %v", len(e.results), e.err)
		}
		for i, r := range e.results {
			if string(r.Rows) != "[[1000]]" {
				t.Errorf("statement %d sees %s items", i+1, r.Rows)
			}
		}
		if got := rows(t, db, "select count(*) from items"); got != "[[1001]]" {
			t.Errorf("afterwards there are %s", got)
		}
	})
}

// A statement that fails, or whose rows are cut off, is the last, and the
// connection is as good as new.
func TestTogetherEndsEarly(t *testing.T) {
	db := open(t, pgtest.Open(t, itemsScript))
	one, all := ask("select 1"), ask("select id from items")
	results, err := together(t.Context(), db, one, ask("select 1 / (id - id) from items"), one)
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != DataError || len(results) != 1 {
		t.Errorf("a failure: %d results, %v", len(results), err)
	}
	if got := rows(t, db, "select 2"); got != "[[2]]" {
		t.Errorf("after a failure: %s", got)
	}
	all.limits.MaxRows = 3
	results, err = together(t.Context(), db, one, all, one)
	if err != nil || len(results) != 2 || results[1].Truncated != byRows || results[1].RowCount != 3 {
		t.Errorf("cut off: %d results, %v", len(results), err)
	}
	if got := rows(t, db, "select 2"); got != "[[2]]" {
		t.Errorf("after rows were cut off: %s", got)
	}
	// PostgreSQL knows of each whose it is, as of one that comes alone.
	whole := ask("select current_query()")
	results, err = together(t.Context(), db, whole, whole)
	if alone := rows(t, db, whole.sql); err != nil || string(results[0].Rows) != alone || string(results[1].Rows) != alone || !strings.Contains(alone, whole.requestID) {
		t.Errorf("together %v, %v, alone %s", results, err, alone)
	}
	if _, err := together(t.Context(), db, one, ask("create table t (i int)")); err == nil {
		t.Error("the second statement may write")
	}
}

func TestRunTogether(t *testing.T) {
	r, ops := runner(t, pgtest.Open(t, itemsScript))
	var statements []guard.Statement
	for _, sql := range []string{"select count(*) from items", "select name from items where id = 3"} {
		s, err := r.Check(t.Context(), "shop", sql)
		if err != nil {
			t.Fatal(err)
		}
		statements = append(statements, s)
	}
	results, err := r.RunTogether(t.Context(), statements)
	if err != nil || len(results) != 2 || string(results[0].Rows) != "[[1000]]" || string(results[1].Rows) != `[["item 3"]]` {
		t.Errorf("%v, %v", results, err)
	}
	if len(*ops) != 1 {
		t.Errorf("operations: %v, want one", *ops)
	}
	if results, err := r.RunTogether(t.Context(), append(statements, guard.Statement{})); err == nil {
		t.Errorf("one that nobody approved ran: %v", results)
	}
	if results, err := r.RunTogether(t.Context(), nil); err != nil || results != nil {
		t.Errorf("none: %v, %v", results, err)
	}
}

package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

func TestReleaseDropsWhatIsNotClean(t *testing.T) {
	db := one(t, pgtest.Open(t, ""), func(c *config.Database) { c.Pool.Max = 1 })
	for _, c := range []struct {
		name string
		sql  []string
		kept bool
	}{
		{"clean", []string{"select 1"}, true},
		{"clean after an error", []string{"select 1/0"}, true},
		{"string setting", []string{"set standard_conforming_strings = off"}, false},
		{"encoding", []string{"set client_encoding = latin1"}, false},
		{"open transaction", []string{"begin"}, false},
		{"aborted transaction", []string{"begin", "select 1/0"}, false},
		{"setting of a transaction that was rolled back", []string{"begin", "set local standard_conforming_strings = off", "rollback"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := db.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			before := conn.Raw().PID()
			for _, sql := range c.sql {
				conn.Raw().ExecParams(t.Context(), sql, nil, nil, nil, nil).Read()
			}
			conn.Release()
			conn, err = db.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Release()
			if kept := conn.Raw().PID() == before; kept != c.kept {
				t.Errorf("kept: %v, want %v", kept, c.kept)
			}
			if err := conn.Raw().ExecParams(t.Context(), `select '\'`, nil, nil, nil, nil).Read().Err; err != nil {
				t.Errorf("the next one gets a connection that reads strings otherwise: %v", err)
			}
		})
	}
}

func TestReleaseDropsBusyConnection(t *testing.T) {
	db := one(t, pgtest.Open(t, ""))
	conn, err := db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw := conn.Raw()
	raw.ExecParams(t.Context(), "select 1", nil, nil, nil, nil) // and nobody reads it
	conn.Release()
	if !raw.IsClosed() {
		t.Error("it is still open")
	}
}

// A connection that died while it was idle is noticed without a round trip.
func TestDeadConnectionIsNoticed(t *testing.T) {
	u, proxy := behind(t, pgtest.Open(t, ""))
	db := one(t, u)
	if _, err := db.Policy(t.Context()); err != nil { // nothing else is under way then
		t.Fatal(err)
	}
	c, err := db.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	idle := pgxpool.ShouldPingParams{Conn: c.Conn(), IdleDuration: time.Minute}
	trips := proxy.Trips()
	if seemsDead(t.Context(), idle) {
		t.Error("a good one seems dead")
	}
	if n := proxy.Trips() - trips; n != 0 {
		t.Errorf("it took %d round trips", n)
	}
	proxy.Cut()
	eventually(t, "the dead one seems dead", func() bool { return seemsDead(t.Context(), idle) })
}

// What a database sets for its sessions does not reach the text settings.
func TestTextSettingsHoldAgainstTheDatabases(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		db := one(t, s.Open(t, ""))
		exec(t, db, `do $$ begin
			execute format('alter database %I set standard_conforming_strings = off', current_database());
			execute format('alter database %I set client_encoding = latin1', current_database());
		end $$`)
		db.pool.Reset()
		if err := db.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		conn, err := db.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
		r := conn.Raw().ExecParams(t.Context(), `select length('\é')`, nil, nil, nil, nil).Read()
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		if got := string(r.Rows[0][0]); got != "2" {
			t.Errorf("got length %s, want 2", got)
		}
	})
}

func TestAcquireErrors(t *testing.T) {
	db := one(t, pgtest.Open(t, ""), func(c *config.Database) { c.Pool.Max = 1 })
	if _, err := db.Policy(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = db.Acquire(ctx)
	if want := "database shop is not available: all connections are in use"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}

	gone := errors.New("the caller has gone")
	left, leave := context.WithCancelCause(t.Context())
	leave(gone)
	if _, err = db.Acquire(left); err != gone {
		t.Errorf("got %v, want %v", err, gone)
	}
}

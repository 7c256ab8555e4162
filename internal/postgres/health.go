package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmcp/pgmcp/internal/call"
)

// Health is how a database is.
type Health struct {
	Status        string        `json:"status"` // "ok", "degraded" (no catalog yet, or all connections in use) or "down"
	Error         string        `json:"error,omitempty"`
	Latency       time.Duration `json:"-"` // of one round trip
	ServerVersion string        `json:"server_version,omitempty"`
	Standby       bool          `json:"standby"` // it replays what another server writes
	Role          string        `json:"role,omitempty"`
	Warnings      []string      `json:"warnings,omitempty"` // what the role should not be able to do
	ReadOnly      bool          `json:"read_only"`          // proved: a write was refused in a read-only transaction
	CatalogAge    time.Duration `json:"-"`
	Tables        int           `json:"tables"`  // and views that the policy shows, partitions not counted
	Orphans       int           `json:"orphans"` // statements that PostgreSQL could not stop, when last looked
	InUse         int32         `json:"connections_in_use"`
	Open          int32         `json:"connections_open"`
	Max           int32         `json:"connections_max"`
	Breaker       string        `json:"breaker"` // "closed", "open" or "half-open"
	RetryAfter    time.Duration `json:"-"`       // until an open breaker lets somebody through
}

// Health says how the database is, asking it now, for as long as an attempt to
// connect may take, whether or not its breaker is open. What it finds out, the
// breaker learns.
func (d *Database) Health(ctx context.Context) Health {
	asking, cancel := context.WithTimeout(ctx, d.pool.Config().ConnConfig.ConnectTimeout)
	defer cancel()
	h := Health{Status: "ok"}
	asking, waited := call.Waiting(asking)
	err := d.examine(asking, &h)
	switch {
	case errors.Is(err, errBusy):
		h.Status, h.Error = "degraded", trouble(err)
	case err != nil:
		h.Status, h.Error = "down", trouble(err)
	}
	if took, slow := waited(), d.breaker.Slow(); err == nil && slow > 0 && took >= slow {
		d.breaker.Tell(&call.SlowError{Key: d.breaker.State().Key, Took: took})
	} else {
		d.tell(ctx, err)
	}
	if s := d.keeper.newest.Load(); s != nil {
		h.CatalogAge = time.Since(s.catalog.LoadedAt)
		h.Tables = len(d.rules.Close(s.catalog).Shown().Relations)
		h.Warnings = s.role.Warnings()
	} else if h.Status == "ok" {
		h.Status, h.Error = "degraded", "the catalog is not loaded yet"
	}
	h.Standby = d.gate.newest().standby
	stat := d.pool.Stat()
	h.Orphans = d.orphans.count()
	h.InUse, h.Open, h.Max = stat.AcquiredConns(), stat.TotalConns(), stat.MaxConns()
	state := d.breaker.State()
	h.Breaker, h.RetryAfter = state.State, state.RetryAfter
	return h
}

// examine asks the server, and attempts a write that a read-only transaction
// refuses before it looks at anything else. It would be rolled back.
func (d *Database) examine(ctx context.Context, h *Health) error {
	c, err := d.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	if d.orphans.count() > 0 {
		if err := d.lookAfterOrphans(ctx, c.pooled); err != nil {
			return err
		}
	}
	ask := func(sql string) *pgconn.Result {
		return c.Raw().ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	}
	if err := ask("begin read only").Err; err != nil {
		return err
	}
	start := time.Now()
	who := ask("select pg_catalog.current_setting('server_version'), current_user")
	h.Latency = time.Since(start)
	if who.Err != nil {
		return who.Err
	}
	h.ServerVersion, h.Role = string(who.Rows[0][0]), string(who.Rows[0][1])
	var refused *pgconn.PgError
	const readOnlyTransaction = "25006"
	err = ask("create table pgmcp_attempt_to_write ()").Err
	h.ReadOnly = errors.As(err, &refused) && refused.Code == readOnlyTransaction
	return ask("rollback").Err
}

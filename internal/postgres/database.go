package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/observe"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// A Database is one database that is served.
type Database struct {
	Name        string
	Description string

	settings *settings
	rules    *policy.Rules
	pool     *pgxpool.Pool
	gate     *gate
	keeper   *keeper
	breaker  *call.Breaker
	tracer   *observe.Tracer // of readings; may be nil
	orphans  orphans
	waiting  atomic.Int32 // for a connection
	log      *slog.Logger

	owners     atomic.Int64 // how many Databases it belongs to; 0: it is closed
	stop       context.CancelFunc
	background sync.WaitGroup
}

func newDatabase(ctx context.Context, name string, s *settings, breaker *call.Breaker, tracer *observe.Tracer, log *slog.Logger) (*Database, error) {
	g := &gate{allowPrivileged: s.allowPrivileged()}
	pc, err := poolConfig(s.database, s.url, g)
	if err != nil {
		return nil, fmt.Errorf("url of database %s: %w", name, err)
	}
	life, stop := context.WithCancel(ctx)
	pool, err := pgxpool.NewWithConfig(life, pc)
	if err != nil {
		stop()
		return nil, fmt.Errorf("make pool of database %s: %w", name, err)
	}
	db := &Database{
		Name:        name,
		Description: s.database.Description,
		settings:    s,
		stop:        stop,
		rules:       policy.Compile(s.config, name),
		pool:        pool,
		gate:        g,
		breaker:     breaker,
		tracer:      tracer,
		orphans:     orphans{most: s.database.Pool.MaxOrphans},
		log:         log.With("database", name),
	}
	db.keeper = &keeper{
		life:    life,
		load:    db.load,
		refresh: time.Duration(s.database.CatalogRefresh),
		changed: make(chan struct{}, 1),
		remedy:  func(err error) string { return remedy(name, err) },
		log:     db.log,
	}
	db.owners.Store(1)
	db.background.Go(func() { db.keeper.run(life) })
	return db, nil
}

// share makes one more the owner of d, unless it is closed.
func (d *Database) share() bool {
	for {
		n := d.owners.Load()
		if n == 0 || d.owners.CompareAndSwap(n, n+1) {
			return n > 0
		}
	}
}

// close ends d if its caller is the last owner.
func (d *Database) close() {
	if d.owners.Add(-1) > 0 {
		return
	}
	d.stop()
	d.background.Wait()
	d.keeper.wait()
	d.pool.Close()
}

// Policy is the rules closed over the newest catalog. Before there is one it
// tries to load it; an *[Unavailable] says why that is not possible now, or a
// *call.OpenError that it was not tried.
func (d *Database) Policy(ctx context.Context) (*policy.Policy, error) {
	if d.keeper.newest.Load() == nil {
		if err := d.breaker.Open(); err != nil {
			return nil, err
		}
		if err := d.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	return d.rules.Close(d.keeper.newest.Load().catalog), nil
}

// User is the role that pgmcp connects as.
func (d *Database) User() string { return d.pool.Config().ConnConfig.User }

// Types are the types of the newest catalog; none before the first.
func (d *Database) Types() Types {
	if s := d.keeper.newest.Load(); s != nil {
		return s.types
	}
	return nil
}

// Role is what the role could do beyond the policy, as of the newest catalog; nil
// before the first.
func (d *Database) Role() *Role {
	if s := d.keeper.newest.Load(); s != nil {
		return s.role
	}
	return nil
}

// Statistics are those of the columns that may be seen, as the newest catalog's
// reading found them. There are none before the first, and where no prompt is to
// hold values.
func (d *Database) Statistics() *catalog.Statistics {
	if s := d.keeper.newest.Load(); s != nil {
		return s.statistics
	}
	return nil
}

// Refresh reads the catalog again, now. Callers at the same time share one
// reading, which goes on when one of them leaves.
func (d *Database) Refresh(ctx context.Context) error {
	return d.unavailable(ctx, d.keeper.read(ctx))
}

// Renew reads the catalog again because something was not found in it, and
// reports whether that was done. It is not when the newest reading is a moment
// old: a caller who keeps asking for what is not there must not keep the server
// busy.
func (d *Database) Renew(ctx context.Context) bool {
	return d.keeper.stale() && d.keeper.read(ctx) == nil
}

// Changed says that the database is not what its catalog says, so that the
// catalog is read again in the background. Like [Database.Renew] it is patient.
func (d *Database) Changed() {
	if !d.keeper.stale() {
		return
	}
	select {
	case d.keeper.changed <- struct{}{}:
	default:
	}
}

// seen are the columns of c that may be seen. What is in others is not even read.
func (d *Database) seen(c *catalog.Catalog) []catalog.ColumnID {
	var columns []catalog.ColumnID
	for _, r := range d.rules.Close(c).Shown().Relations {
		for i := range r.Columns {
			columns = append(columns, catalog.ColumnID{Relation: r.OID, Number: r.Columns[i].Number})
		}
	}
	return columns
}

// load reads catalog, types, role and statistics over one connection. It looks at
// one that was there before anew, because its role may have been altered since.
// It asks whether or not the breaker is open: that is how a database that nobody
// asks for is found to be back.
func (d *Database) load(life context.Context) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(life, loadTimeout)
	defer cancel()
	ctx, end := d.tracer.Begin(ctx, "catalog load", semconv.DBSystemNamePostgreSQL, semconv.DBNamespace(d.Name))
	var s snapshot
	var made *pgx.Conn
	err := d.pool.AcquireFunc(context.WithValue(ctx, madeKey{}, &made), func(c *pgxpool.Conn) (err error) {
		if c.Conn() != made {
			if err = d.gate.settle(ctx, c.Conn()); err != nil {
				d.pool.Reset() // the others are no better
				return err
			}
		}
		if _, err = c.Exec(ctx, patient); err != nil {
			return err
		}
		if s.catalog, err = catalog.Load(ctx, c); err != nil {
			return err
		}
		if s.types, err = loadTypes(ctx, c); err != nil {
			return err
		}
		if s.role, err = loadRole(ctx, c, d.rules.Close(s.catalog), d.gate.newest()); err != nil || !d.settings.statistics {
			return err
		}
		s.statistics, err = catalog.LoadStatistics(ctx, c, d.seen(s.catalog))
		return err
	})
	if err == nil || life.Err() != nil {
		end("")
	} else {
		end(trouble(err))
	}
	d.tell(life, err)
	if err == nil {
		d.warn(s.role)
	}
	return &s, err
}

// tell says to the breaker how a reading or a health check has ended, unless it
// was given up.
func (d *Database) tell(ctx context.Context, err error) {
	if err == nil {
		d.breaker.Tell(nil)
		return
	}
	e, ok := errors.AsType[*Unavailable](d.unavailable(ctx, err))
	if !ok {
		return
	}
	switch e.Ending().Sign {
	case call.Works:
		d.breaker.Tell(nil)
	case call.Fails:
		d.breaker.Tell(e)
	}
}

// warn says what the role should not be able to do, once and when it changes.
func (d *Database) warn(r *Role) {
	warnings := strings.Join(r.Warnings(), ", ")
	if old := d.Role(); warnings == "" || old != nil && strings.Join(old.Warnings(), ", ") == warnings {
		return
	}
	d.log.Warn("the role can do more than the policy allows; only the guard keeps it from that", "role", r.Name, "warnings", warnings,
		"hint", GrantsHint(d.Name))
}

// GrantsHint says what to do about a role that can do too much.
func GrantsHint(database string) string {
	return fmt.Sprintf(`"pgmcp grants CONFIG --db %s" prints the SQL of a role that cannot`, database)
}

// loadTimeout bounds one reading of a catalog, connecting included.
const loadTimeout = time.Minute

// patient lets reading a large catalog take longer than what the database may
// allow statements. Statements of users have their own timeout, each.
const patient = "select pg_catalog.set_config('statement_timeout', '60s', false)"

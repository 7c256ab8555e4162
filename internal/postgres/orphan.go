package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// orphans are statements that run on in the server though they were told to stop
// and their connections were closed: some loops inside PostgreSQL, such as a long
// LIKE, look at neither. Each occupies a process and a connection of the server
// that no pool counts any more.
type orphans struct {
	most int // with so many, nothing more is let in

	mu     sync.Mutex
	names  []string // application names of their sessions, which have the request IDs
	looked time.Time
}

func (o *orphans) add(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.names = append(o.names, name)
}

func (o *orphans) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.names)
}

// due reports whether there are too many, and whether the caller is to look which
// of them still run: not everybody who is turned away.
func (o *orphans) due() (full, look bool) {
	const pause = 200 * time.Millisecond
	o.mu.Lock()
	defer o.mu.Unlock()
	full = len(o.names) >= o.most
	if full && time.Since(o.looked) > pause {
		o.looked, look = time.Now(), true
	}
	return full, look
}

// keep forgets those of asked that do not run any more.
func (o *orphans) keep(asked, running []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.names = slices.DeleteFunc(o.names, func(name string) bool {
		return slices.Contains(asked, name) && !slices.Contains(running, name)
	})
}

func (o *orphans) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.names)
}

// errOrphans is why a database lets nobody in that has too many orphans.
type errOrphans int

func (n errOrphans) Error() string {
	return fmt.Sprintf("statements that PostgreSQL cannot stop are still running: %d", int(n))
}

// admit refuses while the server is busy with too many orphans.
func (d *Database) admit(ctx context.Context) error {
	full, look := d.orphans.due()
	if look {
		if err := d.lookAfterOrphans(ctx, d.pool); err != nil {
			return err
		}
		full, _ = d.orphans.due()
	}
	if full {
		return errOrphans(d.orphans.count())
	}
	return nil
}

// asker is the pool, or the one connection that the caller holds: to wait for
// another one then could be to wait for oneself.
type asker interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// lookAfterOrphans asks the server which of them still run. A role sees its own
// sessions, whatever else it may see.
func (d *Database) lookAfterOrphans(ctx context.Context, server asker) error {
	asked := d.orphans.all()
	rows, err := server.Query(ctx, `
		select application_name from pg_catalog.pg_stat_activity
		where application_name operator(pg_catalog.=) any ($1::pg_catalog.text[]) and state operator(pg_catalog.=) 'active'
			and pid operator(pg_catalog.<>) pg_catalog.pg_backend_pid()`, asked)
	if err != nil {
		return err
	}
	defer rows.Close()
	var running []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		running = append(running, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	d.orphans.keep(asked, running)
	return nil
}

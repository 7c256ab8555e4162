// Package postgres keeps the databases that are served: for each name a pool of
// connections, the catalog in its current snapshot, and the policy closed over
// it. It lends connections and runs no statement of a user; package query does.
package postgres

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// Databases are all databases that are served, by name.
type Databases struct{}

// Open makes the pools and begins loading catalogs in the background. It does
// not wait for any server: a database that is down now is served once it is up.
// An error means that a URL cannot be read or parsed, and never contains it.
func Open(ctx context.Context, c *config.Config, log *slog.Logger) (*Databases, error) {
	panic("postgres.Open: not written")
}

// Names are the databases' names, sorted.
func (d *Databases) Names() []string { panic("postgres.Names: not written") }

// Get is the database of a name. With an empty name it is the only one there
// is. Anything else is an *[UnknownDatabase].
func (d *Databases) Get(name string) (*Database, error) { panic("postgres.Get: not written") }

// Close stops refreshing and closes every connection, waiting for those lent.
func (d *Databases) Close() { panic("postgres.Close: not written") }

// UnknownDatabase is the error of a name that is not served, or of none where several are.
type UnknownDatabase struct {
	Name    string   // empty: none was given
	Names   []string // the names that are served
	Nearest string   // the one that was probably meant; may be empty
}

func (e *UnknownDatabase) Error() string { panic("postgres.UnknownDatabase: not written") }

// A Database is one database that is served.
type Database struct {
	Name        string
	Description string
}

// Policy is the rules closed over the newest catalog. It waits for the first
// catalog, up to ctx's end; a database that cannot be reached gives the error
// of the last attempt, as an *[Unavailable].
func (d *Database) Policy(ctx context.Context) (*policy.Policy, error) {
	panic("postgres.Policy: not written")
}

// Rules are the database's rules, closed over no catalog yet.
func (d *Database) Rules() *policy.Rules { panic("postgres.Rules: not written") }

// Refresh reads the catalog again, now. Callers at the same time share one reading.
func (d *Database) Refresh(ctx context.Context) error { panic("postgres.Refresh: not written") }

// Acquire lends a connection. Whoever gets it calls [Conn.Release] once.
func (d *Database) Acquire(ctx context.Context) (*Conn, error) {
	panic("postgres.Acquire: not written")
}

// Health says how the database is, asking it now.
func (d *Database) Health(ctx context.Context) Health { panic("postgres.Health: not written") }

// Unavailable is the error of a database that cannot be reached. Its text names
// the database and the kind of trouble, and no address, user or secret.
type Unavailable struct {
	Database string
	Err      error
}

func (e *Unavailable) Error() string { panic("postgres.Unavailable: not written") }
func (e *Unavailable) Unwrap() error { return e.Err }

// A Conn is a connection on loan.
type Conn struct{}

// Raw is the connection itself.
func (c *Conn) Raw() *pgconn.PgConn { panic("postgres.Raw: not written") }

// Release gives the connection back, or closes it when it is not as clean as it
// was lent: busy, in a transaction, or with other string settings.
func (c *Conn) Release() { panic("postgres.Release: not written") }

// Health is how a database is.
type Health struct {
	Status        string        `json:"status"` // "ok", "degraded" (reachable, but no catalog yet) or "down"
	Error         string        `json:"error,omitempty"`
	Latency       time.Duration `json:"-"`
	ServerVersion string        `json:"server_version,omitempty"`
	Role          string        `json:"role,omitempty"`
	ReadOnly      bool          `json:"read_only"` // proved: a write was refused in a read-only transaction
	CatalogAge    time.Duration `json:"-"`
	Tables        int           `json:"tables"`
	InUse         int32         `json:"connections_in_use"`
	Open          int32         `json:"connections_open"`
	Max           int32         `json:"connections_max"`
}

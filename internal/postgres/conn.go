package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
)

// maxMessage bounds one message of a server, in bytes: a row of a catalog, at
// most. Package query narrows it for the rows of a statement.
const maxMessage = 64 << 20

// textSettings decide how a server reads a statement's text, and are the ones
// of which it reports every change. With others, what the guard judged would not
// be what runs.
var textSettings = []struct{ name, value string }{
	{"client_encoding", "UTF8"},
	{"standard_conforming_strings", "on"},
}

// poolConfig is how to connect to url, through the gate. Its errors never hold the URL.
func poolConfig(c config.Database, url string, g *gate) (*pgxpool.Config, error) {
	p, err := pgxpool.ParseConfig(url)
	if err != nil { // quotes the URL
		return nil, errNoURL
	}
	p.MinConns = int32(c.Pool.Min)
	p.MaxConns = int32(c.Pool.Max)
	p.MaxConnLifetimeJitter = p.MaxConnLifetime / 10
	p.BeforeConnect = g.early
	p.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		start := time.Now()
		defer func() { call.Waited(ctx, time.Since(start)) }()
		if made, ok := ctx.Value(madeKey{}).(**pgx.Conn); ok {
			*made = c
		}
		return g.settle(ctx, c)
	}
	p.ShouldPing = seemsDead

	p.ConnConfig.ConnectTimeout = time.Duration(c.ConnectTimeout)
	p.ConnConfig.MaxProtocolMessageBodyLen = maxMessage
	p.ConnConfig.Tracer = newTracer()
	p.ConnConfig.OnNotice = nil // notices can hold data
	// The extended protocol in one round trip, and nothing kept on the server that a
	// pooler between would give to another client.
	p.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	p.ConnConfig.StatementCacheCapacity = 0
	p.ConnConfig.DescriptionCacheCapacity = 0
	if p.ConnConfig.RuntimeParams["application_name"] == "" {
		p.ConnConfig.RuntimeParams["application_name"] = "pgmcp"
	}
	return p, nil
}

// madeKey is of the *[pgx.Conn], in the context of an acquisition, that becomes the
// connection that was made for it.
type madeKey struct{}

var errNoURL = errors.New(`not of the form "postgres://user:password@host:5432/database", where special letters of a password are written as %XX`)

// seemsDead looks at a connection that has been idle for a while, without a
// round trip: a server that has gone has said so, or has closed its end. Only
// where something is amiss, the pool pings it and then drops it.
func seemsDead(_ context.Context, p pgxpool.ShouldPingParams) bool {
	//lint:ignore SA1019 Ping, its successor, costs the round trip that is to be saved
	return p.IdleDuration > time.Second && p.Conn.PgConn().CheckConn() != nil
}

// A Conn is a connection on loan.
type Conn struct {
	pooled *pgxpool.Conn
	db     *Database
}

// Acquire lends a connection. Whoever gets it calls [Conn.Release] once. The
// error is an *[Unavailable], or the cause of ctx's end if the caller left. While
// pool.max_orphans statements are running that PostgreSQL cannot stop, nobody
// gets one.
func (d *Database) Acquire(ctx context.Context) (*Conn, error) {
	if err := d.admit(ctx); err != nil {
		return nil, d.unavailable(ctx, err)
	}
	return d.acquire(ctx)
}

func (d *Database) acquire(ctx context.Context) (*Conn, error) {
	d.waiting.Add(1)
	c, err := d.pool.Acquire(ctx)
	d.waiting.Add(-1)
	if err != nil {
		return nil, d.unavailable(ctx, err)
	}
	return &Conn{c, d}, nil
}

// Distrust closes the connections that are idle now, and those on loan when they
// come back. Whoever has lost one calls it: the others have often gone with it, and
// the next one is to be alive.
func (d *Database) Distrust() { d.pool.Reset() }

// Raw is the connection itself.
func (c *Conn) Raw() *pgconn.PgConn { return c.pooled.Conn().PgConn() }

// Abandon closes the connection, whose statement the server has not stopped, and
// counts that statement as an orphan until it has ended. name is the application
// name of its session, which no other statement has. [Conn.Release] comes after.
func (c *Conn) Abandon(name string) {
	c.db.orphans.add(name)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c.Raw().Close(ctx)
}

// Release gives the connection back, or closes it when it is not as clean as it
// was lent: busy, in a transaction, or with other string settings.
func (c *Conn) Release() {
	switch raw := c.Raw(); {
	case raw.IsClosed():
		// It broke, and pgx is telling the server to stop. In a network that
		// swallows this, the pool would keep its place for 15 seconds.
		c.pooled.Hijack()
		return
	case clean(raw):
		raw.Frontend().SetMaxBodyLen(maxMessage)
	default:
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		raw.Close(ctx)
	}
	c.pooled.Release() // drops it from the pool if it is closed
}

func clean(raw *pgconn.PgConn) bool {
	for _, s := range textSettings {
		if raw.ParameterStatus(s.name) != s.value {
			return false
		}
	}
	return !raw.IsBusy() && raw.TxStatus() == 'I'
}

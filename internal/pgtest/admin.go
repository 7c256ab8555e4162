package pgtest

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
)

// admins are connections to database postgres that wait for their next use: to
// connect costs the server more than most of what is done there.
type admins struct {
	mu   sync.Mutex
	idle []*pgx.Conn
}

// Exec runs statements in database postgres as a superuser, as one transaction
// unless they say otherwise: what is the whole server's, such as roles, is done there.
func (s *Server) Exec(ctx context.Context, sql string) error {
	return s.as(ctx, func(c *pgx.Conn) error {
		_, err := c.PgConn().Exec(ctx, sql).ReadAll()
		return err
	})
}

// as runs f on a connection to database postgres that nobody else uses.
func (s *Server) as(ctx context.Context, f func(*pgx.Conn) error) error {
	c := s.admins.take()
	if c == nil {
		var err error
		if c, err = pgx.Connect(ctx, s.url); err != nil {
			return err
		}
	}
	defer s.admins.put(c)
	return f(c)
}

func (a *admins) take() *pgx.Conn {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.idle) == 0 {
		return nil
	}
	c := a.idle[len(a.idle)-1]
	a.idle = a.idle[:len(a.idle)-1]
	return c
}

func (a *admins) put(c *pgx.Conn) {
	if c.IsClosed() { // by an error
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.idle = append(a.idle, c)
}

// close closes the connections that are idle.
func (a *admins) close(ctx context.Context) {
	for c := a.take(); c != nil; c = a.take() {
		c.Close(ctx)
	}
}

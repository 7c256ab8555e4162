package mcpserver

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// ServeStdio speaks with the one client behind in and out until it leaves, which
// is no error, or ctx ends. Calls in flight may then go on for drain; what is
// not done by then is cancelled. Nothing else may write to out.
func (s *Server) ServeStdio(ctx context.Context, in io.Reader, out io.Writer, drain time.Duration) error {
	calls := &tally{
		transport: &mcp.IOTransport{Reader: io.NopCloser(in), Writer: nopCloser{out}},
		answered:  make(chan struct{}, 1),
	}
	session, err := s.mcp.Connect(context.WithoutCancel(ctx), calls, nil)
	if err != nil {
		return fmt.Errorf("serve over stdio: %w", err)
	}
	left := make(chan error, 1)
	go func() { left <- session.Wait() }()
	select {
	case err := <-left:
		if err != nil {
			return fmt.Errorf("serve over stdio: %w", err)
		}
		return nil
	case <-ctx.Done():
	}

	// Closing the session would drop the answers of calls in flight.
	s.stopping.Store(true)
	if !calls.wait(drain) {
		s.end(errStopping)
		calls.wait(grace)
	}
	go session.Close() // can wait for a call that does not end
	return nil
}

// A tally is a transport that counts the calls which have come in and are not
// answered yet.
type tally struct {
	transport mcp.Transport
	open      atomic.Int64
	answered  chan struct{} // holds one: open has been counted down
}

func (t *tally) Connect(ctx context.Context) (mcp.Connection, error) {
	c, err := t.transport.Connect(ctx)
	return &tallied{c, t}, err
}

// wait waits until every call is answered, but no longer than d, and reports
// whether that is so.
func (t *tally) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for t.open.Load() > 0 {
		select {
		case <-t.answered:
		case <-timer.C:
			return false
		}
	}
	return true
}

type tallied struct {
	mcp.Connection
	tally *tally
}

func (c *tallied) Read(ctx context.Context) (jsonrpc.Message, error) {
	m, err := c.Connection.Read(ctx)
	if r, ok := m.(*jsonrpc.Request); ok && r.IsCall() {
		c.tally.open.Add(1)
	}
	return m, err
}

func (c *tallied) Write(ctx context.Context, m jsonrpc.Message) error {
	err := c.Connection.Write(ctx, m)
	if _, ok := m.(*jsonrpc.Response); ok {
		c.tally.open.Add(-1)
		select {
		case c.tally.answered <- struct{}{}:
		default:
		}
	}
	return err
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

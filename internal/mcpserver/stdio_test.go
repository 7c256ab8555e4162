package mcpserver

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"github.com/pgmcp/pgmcp/internal/call"
)

// overStdio serves s to a client through pipes; served gives what ServeStdio returned.
func overStdio(t *testing.T, ctx context.Context, s *Server, revision string, drain time.Duration) (session *mcp.ClientSession, served chan error) {
	t.Helper()
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	served = make(chan error, 1)
	go func() {
		served <- s.ServeStdio(ctx, in, out, drain)
		in.Close()
		out.Close()
	}()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(),
		&mcp.IOTransport{Reader: fromServer, Writer: toServer}, &mcp.ClientSessionOptions{ProtocolVersion: revision})
	if err != nil {
		t.Fatal(err)
	}
	return session, served
}

func TestStdio(t *testing.T) {
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			ignore := goleak.IgnoreCurrent()
			session, served := overStdio(t, t.Context(), New(&Tools{}, call.Chain{}, silent()), revision, time.Minute)
			list, err := session.ListTools(t.Context(), nil)
			if err != nil || len(list.Tools) != 6 {
				t.Errorf("%d tools, %v", len(list.Tools), err)
			}
			session.Close()
			if err := <-served; err != nil {
				t.Errorf("a client that leaves is an error: %v", err)
			}
			goleak.VerifyNone(t, ignore)
		})
	}
}

func TestStdioStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	session, served := overStdio(t, ctx, New(&Tools{}, call.Chain{}, silent()), revisions[0], time.Minute)
	defer session.Close()
	start := time.Now()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("with nothing to do, it took %v", took)
	}
}

func TestStdioEndsCalls(t *testing.T) {
	b := newBench(t, false, nil)
	ctx, stop := context.WithCancel(t.Context())
	session, served := overStdio(t, ctx, b.Server, revisions[0], 100*time.Millisecond)
	defer session.Close()
	l := hold(t, b)
	results := make(chan *mcp.CallToolResult, 1)
	go func() {
		res, err := session.CallTool(context.Background(), &mcp.CallToolParams{Name: ExecuteSQL, Arguments: rawArgs(held)})
		if err != nil {
			t.Error(err)
		}
		results <- res
	}()
	l.until(1)
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if res := <-results; res == nil || !res.IsError {
		t.Errorf("the call gave %+v", res)
	}
	l.until(0)
}

package mcpserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/pgmcp/pgmcp/internal/config"
)

// Bounds on what one HTTP client may take.
const (
	maxBody       = 1 << 20  // bytes
	maxHeader     = 64 << 10 // bytes
	headerTimeout = 10 * time.Second
	bodyTimeout   = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// Listen listens where c says. An address that other machines can reach is
// refused unless c has tokens or is insecure: nobody is asked who they are.
func Listen(c config.Server) (net.Listener, error) {
	addr, err := net.ResolveTCPAddr("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if !addr.IP.IsLoopback() && !c.Insecure && len(c.Tokens) == 0 {
		return nil, fmt.Errorf("listen on %s: other machines can reach it and there is no authentication; use a loopback address such as 127.0.0.1:8080, or set server.tokens or server.insecure", c.Listen)
	}
	ln, err := net.ListenTCP("tcp", addr)
	if err != nil {
		return nil, err // says "listen tcp ADDRESS" itself
	}
	return ln, nil
}

// Serve serves clients at /mcp of ln until ctx ends. Then it accepts no
// more; calls in flight may go on for drain, and what is not done is cancelled.
func (s *Server) Serve(ctx context.Context, ln net.Listener, drain time.Duration) error {
	srv := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	var unused newConns
	srv.ConnState = unused.follow
	srv.RegisterOnShutdown(unused.close)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve over http: %w", err)
	case <-ctx.Done():
	}
	if !shutdown(srv, drain) {
		s.end(errStopping)
		if !shutdown(srv, grace) {
			srv.Close()
		}
	}
	return nil
}

// shutdown accepts no more and reports whether all calls ended within d.
func shutdown(srv *http.Server, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return srv.Shutdown(ctx) == nil
}

// newConns has the connections on which nothing was sent yet, such as those that
// a client opens in advance. Shutdown of net/http waits 5 s for each, so that
// they are closed instead.
type newConns struct {
	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
}

func (n *newConns) follow(conn net.Conn, state http.ConnState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(n.conns, conn)
	case n.closed:
		conn.Close()
	default:
		if n.conns == nil {
			n.conns = map[net.Conn]bool{}
		}
		n.conns[conn] = true
	}
}

func (n *newConns) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for conn := range n.conns {
		conn.Close()
	}
}

// handler is the HTTP front: one endpoint for clients of every revision of MCP,
// those that tell how the server is, and the metrics.
// Web pages of other origins are turned away, and so is a Host header that is
// no name of this machine where the listener is on loopback (the SDK sees to that).
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/mcp", s.admit(bind(mcp.NewStreamableHTTPHandler(
		func(*http.Request) *mcp.Server { return s.mcp },
		&mcp.StreamableHTTPOptions{Stateless: true, PropagateRequestCancellation: true, Logger: s.quiet()},
	))))
	if s.metrics != nil {
		mux.Handle("GET /metrics", s.admit(everything(local(s.metrics))))
	}
	s.probes(mux)
	return http.NewCrossOriginProtection().Handler(mux)
}

// bind reads the body, within bounds, and hands the request's own context down
// as a value, for receive to follow.
func bind(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not the server's ReadTimeout: it would end the contexts of long calls.
		conn := http.NewResponseController(w)
		conn.SetReadDeadline(time.Now().Add(bodyTimeout))
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		conn.SetReadDeadline(time.Time{})
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			http.Error(w, fmt.Sprintf("request body exceeds %d bytes", maxBody), http.StatusRequestEntityTooLarge)
			return
		}
		if err != nil {
			http.Error(w, "request body cannot be read", http.StatusBadRequest)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, r.Context()))
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

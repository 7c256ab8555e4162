// Package pgtest finds or starts PostgreSQL for tests, scenarios and the demo:
// a URL, a container, or local binaries. It lends databases made from templates
// and puts a fault proxy before them. It is no part of serving.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Main is TestMain's whole body in a package whose tests use PostgreSQL: it runs
// the tests, stops the servers that they started, and exits.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is [Main] without the exit, for a TestMain that wraps m in something else.
func Run(m interface{ Run() int }) int {
	ctx, done := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer done()
	defer context.AfterFunc(ctx, func() {
		shared.close()
		os.Exit(1)
	})()
	code := m.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		return max(code, 1)
	}
	return code
}

// Open makes a database by the SQL script on the newest server at hand and
// returns its URL, a superuser's. The database is dropped when the test ends.
// Equal scripts share a template, so that only the first one runs.
func Open(t testing.TB, script string) string {
	t.Helper()
	return Any(t).Open(t, script)
}

// Any is the newest server at hand, for what is the same on every version.
func Any(t testing.TB) *Server {
	t.Helper()
	return servers(t)[0]
}

// Each runs a subtest on a server of every version at hand.
func Each(t *testing.T, f func(t *testing.T, s *Server)) {
	t.Helper()
	for _, s := range servers(t) {
		t.Run(fmt.Sprintf("postgres%d", s.Version()/10000), func(t *testing.T) { f(t, s) })
	}
}

// Open is the package's Open on this server.
func (s *Server) Open(t testing.TB, script string) string {
	t.Helper()
	url, drop, err := s.Database(t.Context(), script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := drop(ctx); err != nil {
			t.Error(err)
		}
	})
	return url
}

func servers(t testing.TB) []*Server {
	t.Helper()
	all, err := shared.get()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// shared is the package's one variable: testing gives TestMain and the tests no
// other way to hand each other the servers of their process.
var shared fleet

// A fleet is started when it is first asked for.
type fleet struct {
	mu      sync.Mutex
	asked   bool
	servers []*Server
	err     error
}

func (f *fleet) get() ([]*Server, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.asked {
		f.asked = true
		f.servers, f.err = StartAll(context.Background(), Options{Log: os.Stderr})
	}
	return f.servers, f.err
}

// close stops the servers that were started. On one that lives on the templates
// stay, for the next run.
func (f *fleet) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	ours := slices.DeleteFunc(f.servers, func(s *Server) bool { return s.stop == nil })
	f.servers = nil
	return closeAll(ours)
}

package mcpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

// serve serves s on a free port until the test ends.
func serve(t *testing.T, s *Server) (url string) {
	t.Helper()
	url, _ = serveUntil(t, s, time.Second)
	return url
}

// serveUntil also returns what stops the server and waits for it.
func serveUntil(t *testing.T, s *Server, drain time.Duration) (url string, stop func()) {
	t.Helper()
	ln, err := Listen(config.Server{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln, drain) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return "http://" + ln.Addr().String(), stop
}

// tap copies what a server says to a buffer.
type tap struct {
	next http.RoundTripper
	to   io.Writer
}

func (p tap) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := p.next.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(res.Body, p.to), res.Body}
	}
	return res, err
}

// The front turns away what a web page in the user's browser could send.
func TestFront(t *testing.T) {
	s := New(&Tools{}, call.Chain{}, silent())
	url := serve(t, s)
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		want   int
	}{
		{"plain", func(r *http.Request) {}, 200},
		{"same origin", func(r *http.Request) { r.Header.Set("Origin", url) }, 200},
		{"localhost", func(r *http.Request) { r.Host = "localhost" }, 200},
		{"rebound name", func(r *http.Request) { r.Host = "evil.example" }, 403},
		{"rebound name and origin", func(r *http.Request) { r.Host = "evil.example"; r.Header.Set("Origin", "http://evil.example") }, 403},
		{"foreign origin", func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, 403},
		{"opaque origin", func(r *http.Request) { r.Header.Set("Origin", "null") }, 403},
		{"cross site", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		{"a form", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 415},
		{"unknown revision", func(r *http.Request) { r.Header.Set("Mcp-Protocol-Version", "2025-01-01") }, 400},
		{"other path", func(r *http.Request) { r.URL.Path = "/" }, 404},
		{"get", func(r *http.Request) { r.Method = "GET" }, 405},
		{"huge", func(r *http.Request) {
			r.ContentLength = -1
			r.Body = io.NopCloser(strings.NewReader(list + strings.Repeat(" ", maxBody)))
		}, 413},
		{"just fits", func(r *http.Request) {
			r.ContentLength = maxBody
			r.Body = io.NopCloser(strings.NewReader(list + strings.Repeat(" ", maxBody-len(list))))
		}, 200},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", url+"/mcp", strings.NewReader(list))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		r.Header.Set("Mcp-Protocol-Version", "2025-11-25")
		c.change(r)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("%s: status %d, want %d: %s", c.name, res.StatusCode, c.want, body)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestListen(t *testing.T) {
	for _, c := range []struct {
		config.Server
		ok bool
	}{
		{config.Server{Listen: "127.0.0.1:0"}, true},
		{config.Server{Listen: "localhost:0"}, true},
		{config.Server{Listen: "0.0.0.0:0"}, false},
		{config.Server{Listen: ":0"}, false},
		{config.Server{Listen: "[::]:0"}, false},
		{config.Server{Listen: "0.0.0.0:0", Insecure: true}, true},
	} {
		ln, err := Listen(c.Server)
		if err == nil {
			ln.Close()
		}
		if (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.Server, err)
		}
	}
}

// held is a statement that waits while hold holds it up.
const held = `{"sql": "select count(*) from customers"}`

// A lock holds up statements in PostgreSQL.
type lock struct {
	t    *testing.T
	conn *pgx.Conn
}

func hold(t *testing.T, b *bench) *lock {
	t.Helper()
	db, err := b.tools.Databases.Get(t.Context(), "shop")
	if err == nil {
		_, err = db.Policy(t.Context()) // the catalog, before anything is locked
	}
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	l := &lock{t, conn}
	l.exec("begin; lock table customers in access exclusive mode")
	return l
}

func (l *lock) release() { l.exec("commit") }

func (l *lock) exec(sql string) {
	l.t.Helper()
	if _, err := l.conn.Exec(l.t.Context(), sql); err != nil {
		l.t.Fatal(err)
	}
}

// waiting is how many statements the lock holds up.
func (l *lock) waiting() int {
	l.t.Helper()
	var n int
	const q = "select count(*) from pg_locks where not granted and relation = 'customers'::regclass"
	if err := l.conn.QueryRow(l.t.Context(), q).Scan(&n); err != nil {
		l.t.Fatal(err)
	}
	return n
}

func (l *lock) until(n int) {
	l.t.Helper()
	until(l.t, fmt.Sprintf("%d statements wait", n), func() bool { return l.waiting() == n })
}

// until waits for a condition.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came that %s", what)
		}
	}
}

// A client that leaves ends its query, in both eras.
func TestClientLeaves(t *testing.T) {
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			b := newBench(t, false, nil)
			c := newClient(t, b, revision, nil)
			l := hold(t, b)
			ctx, cancel := context.WithCancel(t.Context())
			left := make(chan error, 1)
			go func() {
				_, err := c.CallTool(ctx, &mcp.CallToolParams{Name: ExecuteSQL, Arguments: rawArgs(held)})
				left <- err
			}()
			l.until(1)
			cancel()
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Errorf("the client got %v", err)
			}
			l.until(0)
			until(t, "the log says so", func() bool { return strings.Contains(b.log.String(), "name=execute_sql outcome=cancelled") })
		})
	}
}

// The server waits for calls as long as it may, then ends them, in PostgreSQL too.
func TestShutdownEndsCalls(t *testing.T) {
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			b := newBench(t, false, nil)
			url, stop := serveUntil(t, b.Server, 100*time.Millisecond)
			c := clientAt(t, url, revision, nil)
			l := hold(t, b)
			results := make(chan said, 1)
			go func() { results <- c.tool(t, ExecuteSQL, held, nil) }()
			l.until(1)
			stop()
			got := <-results
			if !got.isError || !strings.Contains(got.structured, `"code":"shutting_down"`) {
				t.Errorf("the call gave %+v", got)
			}
			l.until(0)
		})
	}
}

// A short call is answered although the server has been told to stop.
func TestShutdownLetsCallsEnd(t *testing.T) {
	b := newBench(t, false, nil)
	url, stop := serveUntil(t, b.Server, time.Minute)
	c := clientAt(t, url, revisions[0], nil)
	l := hold(t, b)
	results := make(chan said, 1)
	go func() { results <- c.tool(t, ExecuteSQL, held, nil) }()
	l.until(1)
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	until(t, "it accepts no more", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	l.release()
	if got := <-results; got.isError || !strings.Contains(got.structured, `"rows":[[2]]`) {
		t.Errorf("the call gave %+v", got)
	}
	<-stopped
}

// With clients that are connected but ask nothing, stopping does not wait for
// the drain time, and leaves nothing behind.
func TestShutdownIsPrompt(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	url, stop := serveUntil(t, New(&Tools{}, call.Chain{}, silent()), time.Minute)
	base := http.DefaultTransport.(*http.Transport).Clone()
	var sessions []*mcp.ClientSession
	for _, revision := range revisions {
		listens := &mcp.ClientOptions{ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) {}}
		session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, listens).Connect(t.Context(),
			&mcp.StreamableClientTransport{Endpoint: url + "/mcp", HTTPClient: &http.Client{Transport: base}},
			&mcp.ClientSessionOptions{ProtocolVersion: revision})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := session.ListTools(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, session)
	}
	start := time.Now()
	stop()
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	for _, session := range sessions {
		session.Close()
	}
	base.CloseIdleConnections()
	goleak.VerifyNone(t, ignore)
}

// line is a listener on which the test itself connects.
type line chan net.Conn

func (l line) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (l line) Close() error   { close(l); return nil }
func (l line) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// Stopping does not wait for who connected and said nothing.
func TestShutdownIgnoresSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		l := make(line)
		go func() { served <- New(&Tools{}, call.Chain{}, silent()).Serve(ctx, l, time.Minute) }()
		client, server := net.Pipe()
		defer client.Close()
		l <- server
		synctest.Wait()
		start := time.Now()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > time.Second { // net/http looks every 0.5 s at most
			t.Errorf("it took %v", took)
		}
	})
}

// Who asks over HTTP is told in a word, and by the status, whether this is a server
// for clients now.
func TestProbes(t *testing.T) {
	for _, c := range []struct {
		name    string
		several bool // one of two is down
		want    string
	}{{"all", false, "ok"}, {"one of two", true, "degraded"}} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, c.several, nil)
			db, err := b.tools.Databases.Get(t.Context(), "shop")
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			url := serve(t, b.Server)
			wantGet(t, url+"/healthz", http.StatusOK, "ok")
			wantGet(t, url+"/readyz", http.StatusOK, c.want)
		})
	}
	t.Run("none", func(t *testing.T) {
		b := newBench(t, false, nil)
		down := *b.config
		down.Databases = map[string]config.Database{"shop": database(t, "postgres://nobody@127.0.0.1:1/none", "")}
		databases, err := postgres.Open(t.Context(), &down, nil, silent())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(databases.Close)
		b.tools.Databases = databases
		url := serve(t, b.Server)
		wantGet(t, url+"/healthz", http.StatusOK, "ok")
		wantGet(t, url+"/readyz", http.StatusServiceUnavailable, "down")
	})
}

func wantGet(t *testing.T, url string, status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != status || string(got) != body+"\n" {
		t.Errorf("%s: %d %q, want %d %q", url, res.StatusCode, got, status, body)
	}
}

package pgtest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// newProxy is a proxy before a server that says back whatever it is told.
func newProxy(t *testing.T) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				io.Copy(c, c)
				c.Close()
			}()
		}
	}()
	p, err := NewProxy(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func dial(t *testing.T, p *Proxy) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c.(*net.TCPConn)
}

// echo is one round trip: how long it took, and how it failed.
func echo(c net.Conn, text string) (time.Duration, error) {
	start := time.Now()
	if _, err := io.WriteString(c, text); err != nil {
		return 0, err
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil {
		return 0, err
	}
	if string(got) != text {
		return 0, errors.New("other bytes came back")
	}
	return time.Since(start), nil
}

func TestProxyDelaysRoundTrips(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("use", func(t *testing.T) {
		p := newProxy(t)
		c := dial(t, p)
		const delay = 200 * time.Millisecond
		p.Delay(delay)
		if took, err := echo(c, "hello"); err != nil || took < delay {
			t.Errorf("took %v, %v", took, err)
		}
		p.Delay(0)
		if took, err := echo(c, "hello"); err != nil || took >= delay {
			t.Errorf("took %v without delay, %v", took, err)
		}
	})
}

// A long wire has room for many bytes on the way.
func TestProxyDelaysOnceForManyBytes(t *testing.T) {
	p := newProxy(t)
	c := dial(t, p)
	const delay = 200 * time.Millisecond
	p.Delay(delay)
	sent := make([]byte, 4<<20)
	rand.Read(sent)
	start := time.Now()
	go func() {
		c.Write(sent)
		c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d came back, or others: %v", len(got), len(sent), err)
	}
	if took := time.Since(start); took < delay || took > 20*delay {
		t.Errorf("took %v", took)
	}
}

func TestProxyCut(t *testing.T) {
	p := newProxy(t)
	c := dial(t, p)
	if _, err := echo(c, "hello"); err != nil {
		t.Fatal(err)
	}
	p.Cut()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read: %v", err)
	}
	if _, err := echo(dial(t, p), "hello"); err != nil {
		t.Errorf("new connection: %v", err)
	}
}

func TestProxyDown(t *testing.T) {
	p := newProxy(t)
	open := dial(t, p)
	if _, err := echo(open, "hello"); err != nil {
		t.Fatal(err)
	}
	p.Down(true)
	if c, err := net.Dial("tcp", p.Addr()); err == nil {
		defer c.Close()
		if _, err := echo(c, "hello"); err == nil {
			t.Error("a new connection works")
		}
	}
	if _, err := echo(open, "hello"); err != nil {
		t.Errorf("open connection: %v", err)
	}
	p.Down(false)
	if _, err := echo(dial(t, p), "hello"); err != nil {
		t.Errorf("up again: %v", err)
	}
}

func TestProxyBeforeNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProxy(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	l.Close()
	if c, err := net.Dial("tcp", p.Addr()); err == nil {
		defer c.Close()
		if _, err := echo(c, "hello"); err == nil {
			t.Error("the server that is not there answered")
		}
	}
}

func TestProxyClosesWithDataOnTheWay(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("use", func(t *testing.T) {
		p := newProxy(t)
		p.Delay(time.Hour)
		c := dial(t, p)
		io.WriteString(c, "hello")
		p.Close()
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the connection works")
		}
	})
}

func TestProxyCountsTrips(t *testing.T) {
	Each(t, func(t *testing.T, s *Server) {
		u, err := url.Parse(s.Open(t, ""))
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewProxy(u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		u.Host = p.Addr()
		c, err := pgx.Connect(t.Context(), u.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		p.Delay(20 * time.Millisecond)
		trips := func(f func() error) int {
			before := p.Trips()
			if err := f(); err != nil {
				t.Fatal(err)
			}
			return p.Trips() - before
		}
		if n := trips(func() error { return c.Ping(t.Context()) }); n != 1 {
			t.Errorf("a ping: %d trips", n)
		}
		if n := trips(func() error { // describes the statement first
			_, err := c.Exec(t.Context(), "select $1::int", 1)
			return err
		}); n != 2 {
			t.Errorf("a statement with an argument: %d trips", n)
		}
		if n := trips(func() error {
			_, err := c.Exec(t.Context(), "select repeat('x', 1000000)", pgx.QueryExecModeExec)
			return err
		}); n != 1 {
			t.Errorf("a long answer: %d trips", n)
		}
	})
}

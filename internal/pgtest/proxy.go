package pgtest

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A Proxy stands before a server and makes the network fail. It forwards bytes
// and does not know PostgreSQL's protocol. Its methods can be called at any time.
type Proxy struct {
	listener net.Listener
	upstream string
	delay    atomic.Int64 // of a round trip, in nanoseconds
	down     atomic.Bool
	trips    atomic.Int64

	life   context.Context
	end    context.CancelFunc
	routes sync.WaitGroup

	mu   sync.Mutex
	open map[*route]struct{}
}

// A route is one client's connection and the one to the server behind it.
type route struct {
	client, server net.Conn
	asked          atomic.Bool // the client has spoken, the server has not answered yet
	life           context.Context
	end            context.CancelFunc
}

// NewProxy listens on a free loopback port for connections to upstream, a host:port.
func NewProxy(upstream string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, upstream: upstream, open: map[*route]struct{}{}}
	p.life, p.end = context.WithCancel(context.Background())
	p.routes.Go(p.accept)
	return p, nil
}

// Addr is the proxy's host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Delay makes a round trip last d longer: half of it each way, from now on.
// Bytes that follow each other closely wait together, as on a long wire.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(d)) }

// Down makes the proxy reset new connections at once. Open ones stay: see [Proxy.Cut].
func (p *Proxy) Down(down bool) { p.down.Store(down) }

// Trips is how often a client spoke and the server then answered, over all
// connections so far. Parts of one request that come apart are one trip as long
// as the server waits for the last: with a Delay of some milliseconds, always.
func (p *Proxy) Trips() int { return int(p.trips.Load()) }

// Cut resets every open connection, on both sides.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for r := range p.open {
		r.cut()
	}
}

// Close cuts all connections, stops listening and waits until nothing is under way.
func (p *Proxy) Close() {
	p.end()
	p.listener.Close()
	p.Cut()
	p.routes.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.down.Load() {
			reset(client)
			continue
		}
		p.routes.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	var dialer net.Dialer
	server, err := dialer.DialContext(p.life, "tcp", p.upstream)
	if err != nil {
		reset(client)
		return
	}
	r := &route{client: client, server: server}
	r.life, r.end = context.WithCancel(p.life)
	defer r.end()
	p.mu.Lock()
	p.open[r] = struct{}{}
	if p.life.Err() != nil { // closed since the dialling
		r.cut()
	}
	p.mu.Unlock()

	var both sync.WaitGroup
	both.Go(func() {
		p.forward(r, server, client, func() { r.asked.Store(true) })
	})
	both.Go(func() {
		p.forward(r, client, server, func() {
			if r.asked.CompareAndSwap(true, false) {
				p.trips.Add(1)
			}
		})
	})
	both.Wait()

	p.mu.Lock()
	delete(p.open, r)
	p.mu.Unlock()
	client.Close()
	server.Close()
}

// A piece of data is on its way until it is due at the other end.
type piece struct {
	data []byte
	due  time.Time
}

// forward copies until src ends, then closes dst for writing.
func (p *Proxy) forward(r *route, dst, src net.Conn, seen func()) {
	wire := make(chan piece, 64)
	var reader sync.WaitGroup
	defer reader.Wait()
	reader.Go(func() {
		defer close(wire)
		for {
			buf := make([]byte, 32<<10)
			n, err := src.Read(buf)
			if n > 0 {
				seen()
				select {
				case wire <- piece{buf[:n], time.Now().Add(time.Duration(p.delay.Load() / 2))}:
				case <-r.life.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	for piece := range wire {
		if wait := time.Until(piece.due); wait > 0 {
			select {
			case <-time.After(wait):
			case <-r.life.Done():
				return
			}
		}
		if _, err := dst.Write(piece.data); err != nil {
			r.cut()
			return
		}
	}
	dst.(*net.TCPConn).CloseWrite()
}

func (r *route) cut() {
	r.end()
	reset(r.client)
	reset(r.server)
}

// reset closes a connection so that the other end sees an error and not an end.
func reset(c net.Conn) {
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

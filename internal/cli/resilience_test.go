package cli

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/observe"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/query"
)

// load is the configuration of this text.
func load(b *testing.B, text string) *config.Config {
	b.Helper()
	file := filepath.Join(b.TempDir(), "config.cue")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		b.Fatal(err)
	}
	return cfg
}

// BenchmarkChain is what an operation costs that does nothing, in the whole chain.
func BenchmarkChain(b *testing.B) {
	cfg := load(b, `databases: shop: {url: env: "X", limit: "999999999/s"}`)
	log := observe.NewLog(io.Discard, cfg.Observability.Log)
	observers, err := openObservers(cfg.Observability, log)
	if err != nil {
		b.Fatal(err)
	}
	defer observers.close()
	limits := call.NewLimits(limitsOf(cfg), nil)
	for _, c := range []struct {
		name   string
		layers []call.Layer
	}{
		{"observers", observers.layers()},
		{"all", append(observers.layers(),
			call.Recover(log.Logger),
			call.Limit(limits),
			call.Resilient(call.NewResilience(dependencies(cfg.Resilience), limits, log.Logger, nil)),
		)},
	} {
		b.Run(c.name, func(b *testing.B) {
			chain := call.New(c.layers...)
			ctx := observe.WithRequestID(b.Context(), "4bf92f3577b34da6a3ce929d0e0e4736") // a statement's comes with its call
			b.ReportAllocs()
			for b.Loop() {
				if _, err := call.Do(ctx, chain, call.Op{Kind: call.Statement, Name: "shop"}, func(context.Context) (int, error) { return 0, nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBulkhead is how long a statement for one database takes, alone and
// beside callers who keep asking another that lives, hangs or is dead, or a dead
// model. What trouble changes is the difference to the neighbour that lives: its
// callers share the processor, too.
func BenchmarkBulkhead(b *testing.B) {
	askDesk := func(ctx context.Context, s *service) error { return runSQL(ctx, s, "desk") }
	askModel := func(ctx context.Context, s *service) error {
		_, err := do(ctx, s, mcpserver.Ask, func(ctx context.Context) (*answer.Answer, error) {
			return s.tools.Ask(ctx, mcpserver.AskArgs{Database: "shop", Question: "How many?"}, nil)
		})
		return err
	}
	for _, c := range []struct {
		name    string
		ask     func(context.Context, *service) error // what the others do
		trouble func(desk *pgtest.Proxy, model *httptest.Server)
	}{
		{"alone", nil, nil},
		{"beside a living database", askDesk, nil},
		{"beside a hanging database", askDesk, func(desk *pgtest.Proxy, _ *httptest.Server) { desk.Delay(time.Hour) }},
		{"beside a dead database", askDesk, func(desk *pgtest.Proxy, _ *httptest.Server) { desk.Down(true); desk.Cut() }},
		{"beside a dead model", askModel, func(_ *pgtest.Proxy, model *httptest.Server) { model.Close() }},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, desk, model := neighbours(b)
			if c.trouble != nil {
				c.trouble(desk, model)
			}
			ctx, leave := context.WithCancel(b.Context())
			var others sync.WaitGroup
			if c.ask != nil {
				for range 8 {
					others.Go(func() {
						// At the pace of clients, not of a busy loop: that would only
						// show how the processor is shared.
						tick := time.NewTicker(20 * time.Millisecond)
						defer tick.Stop()
						for ctx.Err() == nil {
							err := c.ask(ctx, s)
							if ctx.Err() == nil && (err != nil) != (c.trouble != nil) {
								b.Errorf("asked beside, the error is %v", err)
							}
							<-tick.C
						}
					})
				}
			}
			for b.Loop() {
				if err := runSQL(b.Context(), s, "shop"); err != nil {
					b.Fatal(err)
				}
			}
			leave()
			others.Wait()
		})
	}
}

// neighbours is a service of a shop, a desk behind a proxy and a model.
func neighbours(b *testing.B) (*service, *pgtest.Proxy, *httptest.Server) {
	b.Helper()
	shop, err := url.Parse(pgtest.Open(b, ""))
	if err != nil {
		b.Fatal(err)
	}
	proxy, err := pgtest.NewProxy(shop.Host)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(proxy.Close)
	model := httptest.NewServer(http.NotFoundHandler())
	b.Cleanup(model.Close)
	b.Setenv("SHOP_URL", shop.String())
	shop.Host = proxy.Addr()
	b.Setenv("DESK_URL", shop.String())
	a := &app{stderr: io.Discard}
	s, err := a.open(b.Context(), load(b, `
		databases: shop: url: env: "SHOP_URL"
		databases: desk: url: env: "DESK_URL"
		security: allow_privileged_role: true
		llm: {base_url: "`+model.URL+`/v1", model: "m"}
		observability: log: level: "error"
	`), "", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.end)
	b.Cleanup(proxy.Cut) // so that what hangs ends
	for _, name := range s.databases.Names(b.Context()) {
		if err := runSQL(b.Context(), s, name); err != nil {
			b.Fatal(err)
		}
	}
	return s, proxy, model
}

func runSQL(ctx context.Context, s *service, database string) error {
	_, err := do(ctx, s, mcpserver.ExecuteSQL, func(ctx context.Context) (*query.Result, error) {
		return s.tools.ExecuteSQL(ctx, mcpserver.SQLArgs{Database: database, SQL: "select 1"})
	})
	return err
}

package mcpserver

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// probes answers what asks over HTTP whether pgmcp lives (/healthz) and is ready
// for clients (/readyz): with one word, since anybody may ask. It is ready while
// any database works.
func (s *Server) probes(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		status := s.readiness.get(r.Context(), s.status)
		if status == "down" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintln(w, status)
	})
}

// status asks the databases how they are, in a word.
func (s *Server) status(ctx context.Context) string {
	g := s.enter()
	defer s.leave(g)
	report, err := g.tools.Health(ctx, NoArgs{})
	if err != nil {
		return "down"
	}
	return report.Status
}

// readiness is the newest status. Databases are not asked for it more than once
// in readinessAge, however many ask here.
type readiness struct {
	mu     sync.Mutex
	status string
	asked  time.Time
}

const readinessAge = time.Second

func (r *readiness) get(ctx context.Context, ask func(context.Context) string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.asked) >= readinessAge {
		r.status, r.asked = ask(context.WithoutCancel(ctx)), time.Now()
	}
	return r.status
}

package mcpserver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/observe"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

// healthTimeout bounds how long a database is asked how it is.
const healthTimeout = 5 * time.Second

// HealthReport is the answer of health.
type HealthReport struct {
	Status     string           `json:"status"` // "ok", "degraded" or "down"
	Version    string           `json:"version"`
	Uptime     int64            `json:"uptime_seconds"`
	Databases  []DatabaseHealth `json:"databases"`
	Models     []ModelHealth    `json:"models,omitempty"` // servers that were asked so far
	Limits     []Limit          `json:"limits,omitempty"` // that were used of late
	Operations []Operations     `json:"operations"`
}

// DatabaseHealth is how one database is.
type DatabaseHealth struct {
	Name string `json:"name"`
	postgres.Health
	Latency    float64 `json:"latency_ms"`
	CatalogAge int64   `json:"catalog_age_seconds"`
	RetryAfter float64 `json:"retry_after,omitempty"` // seconds until an open breaker lets somebody through
}

// ModelHealth is how asking one model's server went. It is not asked for this.
type ModelHealth struct {
	Server     string  `json:"server"`
	Breaker    string  `json:"breaker"` // "closed", "open" or "half-open"
	RetryAfter float64 `json:"retry_after,omitempty"`
}

// Limit is what is left of a limit that the caller is under.
type Limit struct {
	On    string  `json:"on"`   // such as "tool ask"
	Left  int     `json:"left"` // at once
	Limit int     `json:"limit"`
	Per   float64 `json:"per_seconds"`
}

// Operations count what was done since the start.
type Operations struct {
	Kind    call.Kind       `json:"kind"`
	Name    string          `json:"name"`
	Outcome observe.Outcome `json:"outcome"`
	Count   int64           `json:"count"`
	Mean    float64         `json:"mean_ms"`
	Max     float64         `json:"max_ms"`
}

// Health asks every database at once how it is.
func (t *Tools) Health(ctx context.Context, _ NoArgs) (*HealthReport, error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	names := t.Databases.Names(ctx)
	out := &HealthReport{
		Version:    t.Version,
		Uptime:     int64(time.Since(t.Started).Seconds()),
		Databases:  make([]DatabaseHealth, len(names)),
		Operations: []Operations{},
	}
	var wg sync.WaitGroup
	for i, name := range names {
		db, err := t.Databases.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		wg.Go(func() {
			h := db.Health(ctx)
			out.Databases[i] = DatabaseHealth{name, h, milliseconds(h.Latency), int64(h.CatalogAge.Seconds()), seconds(h.RetryAfter)}
		})
	}
	wg.Wait()
	out.Status = overall(out.Databases)
	for _, s := range t.Resilience.States(call.Model) {
		out.Models = append(out.Models, ModelHealth{s.Key.Name, s.State, seconds(s.RetryAfter)})
	}
	for _, l := range t.Limits.Left(call.Principal(ctx)) {
		if !exists(ctx, names, l.Key.Kind, l.Key.Name) {
			continue
		}
		out.Limits = append(out.Limits, Limit{l.What, l.Left, l.Rate.Count, l.Rate.Per.Seconds()})
	}
	counts, err := t.Meter.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range counts {
		if !exists(ctx, names, c.Kind, c.Name) {
			continue
		}
		mean := c.Total / time.Duration(c.Count)
		out.Operations = append(out.Operations, Operations{c.Kind, c.Name, c.Outcome, c.Count, milliseconds(mean), milliseconds(c.Max)})
	}
	return out, nil
}

// exists reports whether what an operation was named by exists for whom ctx is,
// who sees the databases of these names.
func exists(ctx context.Context, databases []string, kind call.Kind, name string) bool {
	switch {
	case kind == call.Statement:
		return slices.Contains(databases, name)
	case kind == call.Tool && name != "":
		return mayCall(ctx, name)
	}
	return true
}

// overall is "ok" if all databases are, "down" if all are, else "degraded".
func overall(databases []DatabaseHealth) string {
	for _, status := range []string{"ok", "down"} {
		if !slices.ContainsFunc(databases, func(d DatabaseHealth) bool { return d.Status != status }) {
			return status
		}
	}
	return "degraded"
}

// milliseconds is d in milliseconds, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// HealthText is the report for people.
func HealthText(h *HealthReport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (pgmcp %s)", h.Status, h.Version)
	for _, d := range h.Databases {
		fmt.Fprintf(&b, "\n%s: %s", d.Name, d.Status)
		if d.Error != "" {
			b.WriteString(": " + d.Error)
		}
		if d.Status == "ok" {
			fmt.Fprintf(&b, ", PostgreSQL %s, %s, %.1f ms", d.ServerVersion, Count(d.Tables, "table"), d.Latency)
			if d.Standby {
				b.WriteString(", standby")
			}
			if len(d.Warnings) > 0 {
				fmt.Fprintf(&b, "; warning: its role %s", strings.Join(d.Warnings, ", "))
			}
		}
		b.WriteString(breakerText(d.Breaker, d.RetryAfter))
	}
	for _, m := range h.Models {
		fmt.Fprintf(&b, "\nmodel at %s%s", m.Server, breakerText(m.Breaker, m.RetryAfter))
	}
	for _, l := range h.Limits {
		fmt.Fprintf(&b, "\nlimit on %s: %d of %d left", l.On, l.Left, l.Limit)
	}
	return clip(b.String())
}

// breakerText is what there is to say of a breaker that does not let everything through.
func breakerText(state string, retryAfter float64) string {
	switch state {
	case "open":
		return fmt.Sprintf("; its breaker is open for %gs", retryAfter)
	case "half-open":
		return "; its breaker is half-open"
	}
	return ""
}

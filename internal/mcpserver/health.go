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
	Operations []Operations     `json:"operations"`
}

// DatabaseHealth is how one database is.
type DatabaseHealth struct {
	Name string `json:"name"`
	postgres.Health
	Latency    float64 `json:"latency_ms"`
	CatalogAge int64   `json:"catalog_age_seconds"`
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
	names := t.Databases.Names()
	out := &HealthReport{
		Version:    t.Version,
		Uptime:     int64(time.Since(t.Started).Seconds()),
		Databases:  make([]DatabaseHealth, len(names)),
		Operations: []Operations{},
	}
	var wg sync.WaitGroup
	for i, name := range names {
		db, err := t.Databases.Get(name)
		if err != nil {
			return nil, err
		}
		wg.Go(func() {
			h := db.Health(ctx)
			out.Databases[i] = DatabaseHealth{name, h, milliseconds(h.Latency), int64(h.CatalogAge.Seconds())}
		})
	}
	wg.Wait()
	out.Status = overall(out.Databases)
	counts, err := t.Meter.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range counts {
		mean := c.Total / time.Duration(c.Count)
		out.Operations = append(out.Operations, Operations{c.Kind, c.Name, c.Outcome, c.Count, milliseconds(mean), milliseconds(c.Max)})
	}
	return out, nil
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
	}
	return clip(b.String())
}

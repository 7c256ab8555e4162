package observe

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/pgmcp/pgmcp/internal/call"
)

// A Meter counts operations. Make one with [NewMeter].
type Meter struct {
	mu     sync.Mutex
	counts map[series]*Count
}

type series struct {
	kind    call.Kind
	name    string
	outcome Outcome
}

// maxSeries bounds a meter; operations that would go beyond it count under the
// name "other".
const maxSeries = 1000

// A Count is what became of the operations of one kind, name and outcome.
type Count struct {
	Kind    call.Kind
	Name    string
	Outcome Outcome
	Count   int64
	Total   time.Duration // of all together
	Max     time.Duration // of the longest
}

// NewMeter returns a meter that has counted nothing.
func NewMeter() *Meter { return &Meter{counts: map[series]*Count{}} }

// Measure counts operations in m when they end, panics included.
func Measure(m *Meter, classify Classify) call.Layer {
	return func(next call.Handler) call.Handler {
		return func(ctx context.Context, op call.Op) error {
			start := time.Now()
			err := next(ctx, op)
			outcome, _ := classify(err)
			m.Add(op, outcome, time.Since(start))
			return err
		}
	}
}

// Add counts an operation that has ended and took d.
func (m *Meter) Add(op call.Op, outcome Outcome, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := series{op.Kind, op.Name, outcome}
	c, ok := m.counts[key]
	if !ok && len(m.counts) >= maxSeries {
		key.name = "other"
		c, ok = m.counts[key]
	}
	if !ok {
		c = &Count{Kind: key.kind, Name: key.name, Outcome: key.outcome}
		m.counts[key] = c
	}
	c.Count++
	c.Total += d
	c.Max = max(c.Max, d)
}

// Snapshot is what has been counted so far, sorted by kind, name and outcome.
func (m *Meter) Snapshot() []Count {
	m.mu.Lock()
	out := make([]Count, 0, len(m.counts))
	for _, c := range m.counts {
		out = append(out, *c)
	}
	m.mu.Unlock()
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Outcome, b.Outcome))
	})
	return out
}

package observe

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/pgmcp/pgmcp/internal/call"
)

// A Count is what became of the operations of one kind, name and outcome.
type Count struct {
	Kind    call.Kind
	Name    string
	Outcome Outcome
	Count   int64
	Total   time.Duration // of all together
	Max     time.Duration // of the longest
}

// Snapshot is what has been measured so far, sorted by kind, name and outcome. It
// reads the instruments, so there is no other count that could differ.
func (m *Meter) Snapshot(ctx context.Context) ([]Count, error) {
	var all metricdata.ResourceMetrics
	if err := m.shown.Collect(ctx, &all); err != nil {
		return nil, err
	}
	kinds := map[string]call.Kind{}
	for kind, d := range durations {
		kinds[d.name] = kind
	}
	found := map[series]*Count{}
	for _, scope := range all.ScopeMetrics {
		for _, measured := range scope.Metrics {
			kind, ok := kinds[measured.Name]
			histogram, is := measured.Data.(metricdata.Histogram[float64])
			if !ok || !is {
				continue
			}
			for _, point := range histogram.DataPoints {
				name, _ := point.Attributes.Value(nameKeys[kind])
				outcome, _ := point.Attributes.Value(outcomeKey)
				key := series{kind: kind, name: cmp.Or(name.AsString(), "other"), outcome: Outcome(outcome.AsString())}
				c, ok := found[key]
				if !ok {
					c = &Count{Kind: key.kind, Name: key.name, Outcome: key.outcome}
					found[key] = c
				}
				longest, _ := point.Max.Value()
				c.Count += int64(point.Count)
				c.Total += duration(point.Sum)
				c.Max = max(c.Max, duration(longest))
			}
		}
	}
	out := make([]Count, 0, len(found))
	for _, c := range found {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Outcome, b.Outcome))
	})
	return out, nil
}

func duration(seconds float64) time.Duration {
	return time.Duration(math.Round(seconds * float64(time.Second)))
}

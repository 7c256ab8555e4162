package audit

import (
	"errors"

	"go.opentelemetry.io/otel/attribute"

	"github.com/pgmcp/pgmcp/internal/observe"
)

// Watch shows how far the record has come in m. The head is a label, of which
// there is a new one at each rotation and stop.
func (l *Log) Watch(m *observe.Meter) error {
	_, err1 := m.Watch("pgmcp.audit.line", "{line}", "The number of the newest audit line", func(tell func(float64, ...attribute.KeyValue)) {
		seq, _ := l.Newest()
		tell(float64(seq))
	})
	_, err2 := m.Watch("pgmcp.audit.lost", "{line}", "Audit lines that could not be written", func(tell func(float64, ...attribute.KeyValue)) {
		_, missed := l.Newest()
		tell(float64(missed))
	})
	_, err3 := m.Watch("pgmcp.audit.head", "{line}", "The audit line of this hash, as of the start, the newest rotation or the stop", func(tell func(float64, ...attribute.KeyValue)) {
		mark := l.Marked()
		tell(float64(mark.Seq), attribute.String("pgmcp.audit.hash", mark.Head))
	})
	return errors.Join(err1, err2, err3)
}

package cli

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/pgmcp/pgmcp/internal/audit"
	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/observe"
)

// observers watch every operation, from the start of the process to its end,
// whatever configuration is in force.
type observers struct {
	log   *observe.Log
	audit *audit.Log // nil: there is none
	meter *observe.Meter
	spans *observe.Tracer // nil: nothing is traced
}

func openObservers(c config.Observability, log *observe.Log) (o *observers, err error) {
	o = &observers{log: log}
	process := observe.Resource(build().version)
	var readers []metric.Reader
	if c.OTLP != nil {
		reader, processor, err := observe.OpenOTLP(context.Background(), *c.OTLP)
		if err != nil {
			return nil, err
		}
		readers = append(readers, reader)
		// There is no other way to hear of what could not be sent, but for a
		// line on standard error that is no log record.
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("telemetry is not sent", "error", err) }))
		o.spans = observe.NewTracer(process, c.OTLP.SQL, processor)
	}
	if o.meter, err = observe.NewMeter(process, readers...); err != nil {
		return nil, err
	}
	if c.Audit == nil {
		return o, nil
	}
	if o.audit, err = audit.Open(*c.Audit, guard.Fingerprint, log.Logger); err != nil {
		return nil, err
	}
	return o, o.audit.Watch(o.meter)
}

// layers are the observers' part of the chain.
func (o *observers) layers() []call.Layer {
	layers := []call.Layer{observe.Trace(o.log.Logger, mcpserver.Classify)}
	if o.spans != nil {
		layers = append(layers, o.spans.Layer(mcpserver.Classify))
	}
	layers = append(layers, observe.Measure(o.meter, mcpserver.Classify))
	if o.audit != nil {
		layers = append(layers, o.audit.Layer(mcpserver.Classify))
	}
	return layers
}

// watch shows how what serves this configuration is, until stop is called.
func (s *service) watch(r *call.Resilience) (stop func(), err error) {
	databases, err := s.databases.Watch(s.meter)
	if err != nil {
		return nil, err
	}
	breakers, err := s.meter.Watch("pgmcp.breaker.open", "{breaker}", "1 while calls are not let through, 0.5 while one is tried or the next one will be, else 0", func(tell func(float64, ...attribute.KeyValue)) {
		for _, kind := range []call.Kind{call.Statement, call.Model} {
			for _, b := range r.States(kind) {
				tell(openness[b.State], attribute.String("pgmcp.kind", string(kind)), attribute.String("pgmcp.name", b.Key.Name))
			}
		}
	})
	if err != nil {
		databases()
		return nil, err
	}
	return func() { databases(); breakers() }, nil
}

// openness is the state of a breaker as a number.
var openness = map[string]float64{"closed": 0, "half-open": 0.5, "open": 1}

// flushTime bounds how long the last numbers and spans may take on their way.
const flushTime = 5 * time.Second

func (o *observers) close() {
	if o.audit != nil {
		_ = o.audit.Close() // the log has said why
	}
	// After the audit, whose head is one of the numbers.
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := o.meter.Close(ctx); err != nil {
		o.log.Warn("the last metrics are lost", "error", err)
	}
	if o.spans == nil {
		return
	}
	if err := o.spans.Close(ctx); err != nil {
		o.log.Warn("the last spans are lost", "error", err)
	}
}

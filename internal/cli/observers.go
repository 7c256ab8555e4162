package cli

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
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
	audit *audit.Log // nil: there is none
	meter *observe.Meter
	spans *observe.Tracer // nil: nothing is traced
}

func openObservers(c config.Observability, log *slog.Logger) (o *observers, err error) {
	o = &observers{}
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
		o.spans = observe.NewTracer(build().version, c.OTLP.SQL, processor)
	}
	if o.meter, err = observe.NewMeter(build().version, readers...); err != nil {
		return nil, err
	}
	if c.Audit == nil {
		return o, nil
	}
	if o.audit, err = audit.Open(*c.Audit, guard.Fingerprint, log); err != nil {
		return nil, err
	}
	return o, o.audit.Watch(o.meter)
}

// layers are the observers' part of the chain.
func (o *observers) layers(log *slog.Logger) []call.Layer {
	layers := []call.Layer{observe.Trace(log, mcpserver.Classify)}
	if o.spans != nil {
		layers = append(layers, o.spans.Layer(mcpserver.Classify))
	}
	layers = append(layers, observe.Measure(o.meter, mcpserver.Classify))
	if o.audit != nil {
		layers = append(layers, o.audit.Layer(mcpserver.Classify))
	}
	return layers
}

// flushTime bounds how long the last numbers and spans may take on their way.
const flushTime = 5 * time.Second

func (o *observers) close(log *slog.Logger) {
	if o.audit != nil {
		_ = o.audit.Close() // the log has said why
	}
	// After the audit, whose head is one of the numbers.
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := o.meter.Close(ctx); err != nil {
		log.Warn("the last metrics are lost", "error", err)
	}
	if o.spans == nil {
		return
	}
	if err := o.spans.Close(ctx); err != nil {
		log.Warn("the last spans are lost", "error", err)
	}
}

package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"github.com/pgmcp/pgmcp/internal/call"
)

// A tracer makes spans of connects, acquires and the catalog's queries, below those
// of the operations or readings they are made for, and tells operations how long
// connects took. A flight has its own.
type tracer struct{ *otelpgx.Tracer }

func newTracer() *tracer {
	return &tracer{otelpgx.NewTracer(
		otelpgx.WithTracerProvider(below{}),
		otelpgx.WithMeterProvider(noop.NewMeterProvider()), // what is measured, package observe measures
		otelpgx.WithDisableSQLStatementInAttributes(),
		otelpgx.WithDisableConnectionDetailsInAttributes(),
	)}
}

type connectKey struct{}

func (t *tracer) TraceConnectStart(ctx context.Context, data pgx.TraceConnectStartData) context.Context {
	return context.WithValue(t.Tracer.TraceConnectStart(ctx, data), connectKey{}, time.Now())
}

// The errors of servers and networks hold addresses, users and data: spans get the
// kind of trouble instead.

func (t *tracer) TraceConnectEnd(ctx context.Context, data pgx.TraceConnectEndData) {
	if start, ok := ctx.Value(connectKey{}).(time.Time); ok {
		call.Waited(ctx, time.Since(start))
	}
	data.Err = told(data.Err)
	t.Tracer.TraceConnectEnd(ctx, data)
}

func (t *tracer) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	data.Err = told(data.Err)
	t.Tracer.TraceQueryEnd(ctx, conn, data)
}

func (t *tracer) TraceBatchQuery(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchQueryData) {
	data.Err = told(data.Err)
	t.Tracer.TraceBatchQuery(ctx, conn, data)
}

func (t *tracer) TraceBatchEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchEndData) {
	data.Err = told(data.Err)
	t.Tracer.TraceBatchEnd(ctx, conn, data)
}

func (t *tracer) TracePrepareEnd(ctx context.Context, conn *pgx.Conn, data pgx.TracePrepareEndData) {
	data.Err = told(data.Err)
	t.Tracer.TracePrepareEnd(ctx, conn, data)
}

func (t *tracer) TraceAcquireEnd(ctx context.Context, pool *pgxpool.Pool, data pgxpool.TraceAcquireEndData) {
	data.Err = told(data.Err)
	t.Tracer.TraceAcquireEnd(ctx, pool, data)
}

func told(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(trouble(err))
}

// below makes spans with whatever made the span above. Where there is none, nothing
// is traced.
type below struct{ embedded.TracerProvider }

func (below) Tracer(name string, _ ...trace.TracerOption) trace.Tracer {
	return belowTracer{name: name}
}

type belowTracer struct {
	embedded.Tracer
	name string
}

func (t belowTracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	return trace.SpanFromContext(ctx).TracerProvider().Tracer(t.name).Start(ctx, name, options...)
}

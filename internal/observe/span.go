package observe

import (
	"context"
	"encoding/hex"
	"math/rand/v2"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/pgmcp/pgmcp/internal/call"
)

// A Tracer makes a span of each operation. The ID of its trace is the request ID.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	text     bool
}

// NewTracer returns a tracer of a process, whose spans go to processor. Only if
// text is set they hold the text of statements.
func NewTracer(process *resource.Resource, text bool, processor sdk.SpanProcessor) *Tracer {
	t := &Tracer{text: text}
	t.provider = sdk.NewTracerProvider(
		sdk.WithResource(process),
		sdk.WithSpanProcessor(processor),
		sdk.WithIDGenerator(ids{}),
		// Said here, so that no variable of the environment says otherwise.
		sdk.WithSampler(sdk.ParentBased(sdk.AlwaysSample())),
		sdk.WithRawSpanLimits(sdk.SpanLimits{
			AttributeValueLengthLimit: 64 << 10, AttributeCountLimit: 64, EventCountLimit: 64,
			LinkCountLimit: 8, AttributePerEventCountLimit: 8, AttributePerLinkCountLimit: 8,
		}),
	)
	t.tracer = t.provider.Tracer(scope)
	return t
}

const scope = "github.com/pgmcp/pgmcp"

// Close sends the last spans.
func (t *Tracer) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Layer makes the spans. It stands inside of [Trace], which gives operations
// their ID.
func (t *Tracer) Layer(classify Classify) call.Layer {
	return func(next call.Handler) call.Handler {
		return func(ctx context.Context, op call.Op) error {
			ctx, span := t.tracer.Start(ctx, spanName(op), trace.WithSpanKind(spanKind(op.Kind)), trace.WithAttributes(nameAttributes(op.Kind, op.Name)...))
			defer span.End()
			err := next(ctx, op)
			outcome, code := classify(err)
			span.SetAttributes(outcomeKey.String(string(outcome)))
			if code != "" {
				span.SetAttributes(errorTypeKey.String(code))
			}
			switch outcome {
			case Failed, Timeout, Broken:
				span.SetStatus(codes.Error, code) // an error's text can quote a statement
			}
			span.SetAttributes(t.found(op.Kind, call.FactsOf(ctx))...)
			return err
		}
	}
}

// found are attributes of what an operation found out.
func (t *Tracer) found(kind call.Kind, f *call.Facts) []attribute.KeyValue {
	var all []attribute.KeyValue
	switch kind {
	case call.Statement:
		all = append(all, semconv.DBResponseReturnedRows(f.Rows), attribute.Int("pgmcp.trips", f.Trips))
		if f.Planned {
			all = append(all, semconv.DBOperationName("EXPLAIN"))
		}
		if t.text && f.SQL != "" {
			all = append(all, semconv.DBQueryText(f.SQL))
		}
	case call.Model:
		all = append(all, semconv.GenAIUsageInputTokens(f.TokensIn), semconv.GenAIUsageOutputTokens(f.TokensOut))
	}
	if f.Source != "" {
		all = append(all, sourceKey.String(f.Source), statusKey.String(f.Status))
	}
	if f.Score != nil {
		all = append(all, attribute.Float64("pgmcp.answer.confidence", *f.Score))
	}
	return all
}

// spanName is as OpenTelemetry's conventions have it.
func spanName(op call.Op) string {
	switch op.Kind {
	case call.Tool:
		return "tools/call " + op.Name
	case call.Model:
		return "chat " + op.Name
	}
	return string(op.Kind) + " " + op.Name
}

func spanKind(kind call.Kind) trace.SpanKind {
	if kind == call.Tool {
		return trace.SpanKindServer
	}
	return trace.SpanKindClient
}

// Stage begins a span of a part of the operation that ctx belongs to, which end
// ends. Where nothing is traced it does nothing.
func Stage(ctx context.Context, name string) (_ context.Context, end func()) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, func() {}
	}
	ctx, span := parent.TracerProvider().Tracer(scope).Start(ctx, name)
	return ctx, func() { span.End() }
}

// Begin begins a span of what no operation asked for, which end ends, with the
// trouble it met or "". Of nil it does nothing.
func (t *Tracer) Begin(ctx context.Context, name string, attributes ...attribute.KeyValue) (_ context.Context, end func(trouble string)) {
	if t == nil {
		return ctx, func(string) {}
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithNewRoot(), trace.WithAttributes(attributes...))
	return ctx, func(trouble string) {
		if trouble != "" {
			span.SetStatus(codes.Error, trouble)
		}
		span.End()
	}
}

// Event notes in the span of ctx that something has happened now.
func Event(ctx context.Context, name string) { trace.SpanFromContext(ctx).AddEvent(name) }

// Continue returns a context whose operations belong to the trace in a W3C
// traceparent header or, if that is not valid, have a request ID of their own.
func Continue(ctx context.Context, traceparent string) context.Context {
	id := TraceID(traceparent)
	if id == "" {
		return WithRequestID(ctx, newRequestID())
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
	return WithRequestID(ctx, id)
}

// ids makes the request ID that of the trace.
type ids struct{}

func (ids) NewIDs(ctx context.Context) (id trace.TraceID, span trace.SpanID) {
	if n, err := hex.Decode(id[:], []byte(RequestID(ctx))); err != nil || n != len(id) {
		id, _ = trace.TraceIDFromHex(newRequestID())
	}
	return id, ids{}.NewSpanID(ctx, id)
}

func (ids) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	for !id.IsValid() {
		for i := range id {
			id[i] = byte(rand.Uint32())
		}
	}
	return id
}

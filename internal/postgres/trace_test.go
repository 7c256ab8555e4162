package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/pgmcp/pgmcp/internal/observe"
)

// Spans say of what kind a trouble is, and nothing of what a server said.
func TestSpansHoldNoErrorText(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	spans := observe.NewTracer(observe.Resource("v1.2.3"), false, sdk.NewSimpleSpanProcessor(exporter))
	ctx, end := spans.Begin(t.Context(), "catalog load")
	tracer, err := newTracer(), errors.New("permission denied for table secret")
	conn, config := &pgx.Conn{}, &pgx.ConnConfig{}

	tracer.TraceConnectEnd(tracer.TraceConnectStart(ctx, pgx.TraceConnectStartData{ConnConfig: config}), pgx.TraceConnectEndData{Err: err})
	tracer.TraceAcquireEnd(tracer.TraceAcquireStart(ctx, nil, pgxpool.TraceAcquireStartData{}), nil, pgxpool.TraceAcquireEndData{Err: err})
	tracer.TraceQueryEnd(tracer.TraceQueryStart(ctx, conn, pgx.TraceQueryStartData{SQL: "select"}), conn, pgx.TraceQueryEndData{Err: err})
	tracer.TracePrepareEnd(tracer.TracePrepareStart(ctx, conn, pgx.TracePrepareStartData{SQL: "select"}), conn, pgx.TracePrepareEndData{Err: err})
	batch := tracer.TraceBatchStart(ctx, conn, pgx.TraceBatchStartData{Batch: &pgx.Batch{}})
	tracer.TraceBatchQuery(batch, conn, pgx.TraceBatchQueryData{SQL: "select", Err: err})
	tracer.TraceBatchEnd(batch, conn, pgx.TraceBatchEndData{Err: err})
	end("")

	failed := 0
	for _, s := range exporter.GetSpans() {
		text := fmt.Sprint(s.Name, s.Attributes, s.Events, s.Status)
		if strings.Contains(text, "secret") {
			t.Error(text)
		}
		if s.Status.Description == "connection failed" {
			failed++
		}
	}
	if failed != 6 {
		t.Errorf("%d spans have failed, want 6: %+v", failed, exporter.GetSpans())
	}
}

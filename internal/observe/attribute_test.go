package observe

import (
	"regexp"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"

	"github.com/pgmcp/pgmcp/internal/call"
)

// What two processes measure is told apart, and what one measures is not.
func TestInstance(t *testing.T) {
	instance := func(r *resource.Resource) string {
		id, _ := r.Set().Value(semconv.ServiceInstanceIDKey)
		return id.AsString()
	}
	measured := func() string {
		t.Helper()
		process := Resource("v1.2.3")
		reader, spans := metric.NewManualReader(), tracetest.NewInMemoryExporter()
		m, err := NewMeter(process, reader)
		if err != nil {
			t.Fatal(err)
		}
		tracer := NewTracer(process, false, trace.NewSimpleSpanProcessor(spans))
		chain := call.New(tracer.Layer(classify), Measure(m, classify))
		call.Do(t.Context(), chain, call.Op{Kind: call.Tool, Name: "ask"}, fail(nil))
		var numbers metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &numbers); err != nil {
			t.Fatal(err)
		}
		id := instance(numbers.Resource)
		if of := instance(spans.GetSpans()[0].Resource); of != id {
			t.Errorf("metrics are of %q, spans of %q", id, of)
		}
		return id
	}
	one, two := measured(), measured()
	if one == two || !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(one) {
		t.Errorf("two processes are %q and %q", one, two)
	}
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=shop-1")
	if got := measured(); got != "shop-1" {
		t.Errorf("a process that is called shop-1 calls itself %q", got)
	}
}

package observe

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/pgmcp/pgmcp/internal/config"
)

// How metrics and spans are sent: what waits is bounded, and what a collector that
// is down does not take is dropped.
const (
	metricsEvery = 15 * time.Second
	spansEvery   = time.Second
	sendTimeout  = 10 * time.Second
	mostSpans    = 4096
	spansAtOnce  = 512
)

// OpenOTLP returns what sends metrics and spans to the collector that c names. It
// connects to nothing yet.
func OpenOTLP(ctx context.Context, c config.OTLP) (metric.Reader, trace.SpanProcessor, error) {
	base := strings.TrimSuffix(c.Endpoint, "/")
	metrics, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(base+"/v1/metrics"),
		otlpmetrichttp.WithTimeout(sendTimeout), otlpmetrichttp.WithHeaders(map[string]string{}))
	if err != nil {
		return nil, nil, fmt.Errorf("open otlp: %w", err)
	}
	spans, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(base+"/v1/traces"),
		otlptracehttp.WithTimeout(sendTimeout), otlptracehttp.WithHeaders(map[string]string{}))
	if err != nil {
		return nil, nil, fmt.Errorf("open otlp: %w", err)
	}
	return metric.NewPeriodicReader(metrics, metric.WithInterval(metricsEvery), metric.WithTimeout(sendTimeout)),
		trace.NewBatchSpanProcessor(spans, trace.WithBatchTimeout(spansEvery), trace.WithExportTimeout(sendTimeout),
			trace.WithMaxQueueSize(mostSpans), trace.WithMaxExportBatchSize(spansAtOnce)), nil
}

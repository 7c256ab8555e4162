package observe

import (
	"context"
	"io"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
)

// What each layer costs an operation, alone, and what is on without a setting.
func BenchmarkLayers(b *testing.B) {
	log := NewLog(io.Discard, config.Log{Level: "info", Format: "json"}).Logger
	trace, measure := Trace(log, classify), Measure(newMeter(b), classify)
	spans := NewTracer(Resource("v1.2.3"), false, sdk.NewSimpleSpanProcessor(tracetest.NewNoopExporter())).Layer(classify)
	for _, c := range []struct {
		name   string
		layers []call.Layer
	}{
		{"none", nil},
		{"trace", []call.Layer{trace}},
		{"measure", []call.Layer{measure}},
		{"recover", []call.Layer{call.Recover(log)}},
		{"spans", []call.Layer{spans}},
		{"default", []call.Layer{trace, measure, call.Recover(log)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			chain := call.New(c.layers...)
			b.ReportAllocs()
			for b.Loop() {
				call.Do(b.Context(), chain, call.Op{Kind: call.Statement, Name: "shop"}, func(context.Context) (int, error) { return 1, nil })
			}
		})
	}
}

package observe

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/pgmcp/pgmcp/internal/call"
)

// A Meter measures operations. What it shows, to Prometheus, over OTLP and in
// health, are the same numbers. Make one with [NewMeter].
//
// Names are those of OpenTelemetry's conventions where these have one, for MCP,
// databases and generative AI; others begin with "pgmcp.". No label is ever a
// statement, a question or a principal.
type Meter struct {
	provider *sdk.MeterProvider
	shown    *exporter.Exporter // to Prometheus and in Snapshot
	registry *prometheus.Registry

	durations  map[call.Kind]metric.Float64Histogram
	rows, size metric.Int64Histogram
	tokens     metric.Int64Histogram
	cost       metric.Float64Counter
	confidence metric.Float64Histogram

	mu     sync.Mutex
	series map[series]metric.MeasurementOption
}

// A series is what tells one line of operations from another. Where all outcomes
// are measured together it has none.
type series struct {
	kind    call.Kind
	name    string
	outcome Outcome
	code    string
}

// maxSeries bounds each instrument; operations that would go beyond it are counted
// together, without their names.
const maxSeries = 1000

// The durations of operations by their kind.
var durations = map[call.Kind]struct{ name, description string }{
	call.Tool:      {"mcp.server.operation.duration", "Tool calls"},
	call.Statement: {"db.client.operation.duration", "Statements run or planned"},
	call.Model:     {"gen_ai.client.operation.duration", "Requests to a model"},
	call.Answer:    {"pgmcp.answer.duration", "Questions, by where their SQL came from"},
}

var (
	secondsBounds    = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}
	rowsBounds       = []float64{0, 1, 10, 100, 1_000, 10_000, 100_000}
	bytesBounds      = []float64{1 << 8, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22}
	tokensBounds     = []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576}
	confidenceBounds = []float64{.1, .2, .3, .4, .5, .6, .7, .8, .9, 1}
)

// NewMeter returns a meter of a process that has measured nothing. Readers are
// those who take the numbers elsewhere.
func NewMeter(process *resource.Resource, readers ...sdk.Reader) (*Meter, error) {
	m := &Meter{
		registry:  prometheus.NewRegistry(),
		durations: map[call.Kind]metric.Float64Histogram{},
		series:    map[series]metric.MeasurementOption{},
	}
	var err error
	if m.shown, err = exporter.New(exporter.WithRegisterer(m.registry), exporter.WithoutScopeInfo()); err != nil {
		return nil, err
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	options := []sdk.Option{
		sdk.WithResource(process),
		sdk.WithReader(m.shown),
		// Said here, so that no variable of the environment says otherwise.
		sdk.WithCardinalityLimit(maxSeries), sdk.WithExemplarFilter(exemplar.TraceBasedFilter),
	}
	for _, r := range readers {
		options = append(options, sdk.WithReader(r))
	}
	m.provider = sdk.NewMeterProvider(options...)
	return m, m.instruments()
}

func (m *Meter) instruments() error {
	meter := m.meter()
	var problems []error
	keep := func(err error) { problems = append(problems, err) }
	whole := func(name, unit, description string, bounds []float64) metric.Int64Histogram {
		h, err := meter.Int64Histogram(name, metric.WithUnit(unit), metric.WithDescription(description), metric.WithExplicitBucketBoundaries(bounds...))
		keep(err)
		return h
	}
	fraction := func(name, unit, description string, bounds []float64) metric.Float64Histogram {
		h, err := meter.Float64Histogram(name, metric.WithUnit(unit), metric.WithDescription(description), metric.WithExplicitBucketBoundaries(bounds...))
		keep(err)
		return h
	}
	for kind, d := range durations {
		m.durations[kind] = fraction(d.name, "s", d.description, secondsBounds)
	}
	m.rows = whole("db.client.response.returned_rows", "{row}", "Rows that statements gave", rowsBounds)
	m.size = whole("pgmcp.result.size", "By", "Rows that statements gave, as JSON", bytesBounds)
	var err error
	m.cost, err = meter.Float64Counter("pgmcp.model.cost", metric.WithUnit("{currency}"), metric.WithDescription("What requests to models cost, by the configuration's prices"))
	keep(err)
	m.tokens = whole("gen_ai.client.token.usage", "{token}", "Tokens of prompts and replies", tokensBounds)
	m.confidence = fraction("pgmcp.answer.confidence", "1", "How far answers can be trusted", confidenceBounds)
	return errors.Join(problems...)
}

func (m *Meter) meter() metric.Meter { return m.provider.Meter(scope) }

// Handler shows the numbers to Prometheus.
func (m *Meter) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Close has the readers take the numbers a last time.
func (m *Meter) Close(ctx context.Context) error { return m.provider.Shutdown(ctx) }

// Measure measures operations when they end, panics included.
func Measure(m *Meter, classify Classify) call.Layer {
	return func(next call.Handler) call.Handler {
		return func(ctx context.Context, op call.Op) error {
			start := time.Now()
			err := next(ctx, op)
			outcome, code := classify(err)
			m.add(ctx, op, outcome, code, time.Since(start))
			return err
		}
	}
}

func (m *Meter) add(ctx context.Context, op call.Op, outcome Outcome, code string, took time.Duration) {
	seconds := took.Seconds()
	h, ok := m.durations[op.Kind]
	if !ok {
		return
	}
	h.Record(ctx, seconds, m.attributes(series{op.Kind, op.Name, outcome, code}))
	f := call.FactsOf(ctx)
	if f.Source != "" {
		m.durations[call.Answer].Record(ctx, seconds, m.attributes(series{call.Answer, f.Source, outcome, code}))
	}
	if f.Score != nil {
		m.confidence.Record(ctx, *f.Score, metric.WithAttributes(sourceKey.String(f.Source), statusKey.String(f.Status)))
	}
	if op.Kind == call.Statement && outcome == OK && !f.Planned {
		of := m.attributes(series{kind: op.Kind, name: op.Name})
		m.rows.Record(ctx, int64(f.Rows), of)
		m.size.Record(ctx, int64(f.Bytes), of)
	}
	if op.Kind == call.Model && (outcome == OK || f.TokensIn+f.TokensOut > 0) { // a refusal costs, too
		m.tokens.Record(ctx, int64(f.TokensIn), metric.WithAttributes(append(modelAttributes(op.Name), tokenTypeKey.String("input"))...))
		m.tokens.Record(ctx, int64(f.TokensOut), metric.WithAttributes(append(modelAttributes(op.Name), tokenTypeKey.String("output"))...))
		m.cost.Add(ctx, f.Cost, metric.WithAttributes(modelAttributes(op.Name)...))
	}
}

// attributes are those of a series, made once for each of the first.
func (m *Meter) attributes(s series) metric.MeasurementOption {
	m.mu.Lock()
	defer m.mu.Unlock()
	if of, ok := m.series[s]; ok {
		return of
	}
	all := nameAttributes(s.kind, s.name)
	if s.outcome != "" {
		all = append(all, outcomeKey.String(string(s.outcome)))
	}
	if s.code != "" {
		all = append(all, errorTypeKey.String(s.code))
	}
	of := metric.WithAttributeSet(attribute.NewSet(all...))
	if len(m.series) < maxSeries {
		m.series[s] = of
	}
	return of
}

// A Gauge tells values as they are when somebody looks, each with its labels.
type Gauge func(tell func(value float64, labels ...attribute.KeyValue))

// Watch shows a gauge until stop is called.
func (m *Meter) Watch(name, unit, description string, g Gauge) (stop func(), err error) {
	meter := m.meter()
	instrument, err := meter.Float64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
	if err != nil {
		return nil, err
	}
	registration, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		g(func(value float64, labels ...attribute.KeyValue) {
			o.ObserveFloat64(instrument, value, metric.WithAttributes(labels...))
		})
		return nil
	}, instrument)
	if err != nil {
		return nil, err
	}
	return func() { _ = registration.Unregister() }, nil // only fails for other providers
}

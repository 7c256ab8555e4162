package replay

import (
	"compress/gzip"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	spanpb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A collector receives what OpenTelemetry sends.
type collector struct {
	mu      sync.Mutex
	spans   []*spanpb.Span
	metrics map[string]bool
}

func (s *scenario) otlpStart(in invocation) error {
	if len(in.args) != 0 {
		return errUsage
	}
	if s.collector != nil {
		return errors.New("there is a collector already")
	}
	s.collector = &collector{metrics: map[string]bool{}}
	server := httptest.NewServer(s.collector)
	s.ts.Defer(server.Close)
	s.setenv("OTLP_URL", server.URL)
	return nil
}

// ServeHTTP takes one export.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := c.take(r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *collector) take(r *http.Request) error {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		body = unzipped
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r.URL.Path {
	case "/v1/traces":
		var sent tracepb.ExportTraceServiceRequest
		if err := proto.Unmarshal(b, &sent); err != nil {
			return err
		}
		for _, resource := range sent.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	case "/v1/metrics":
		var sent metricspb.ExportMetricsServiceRequest
		if err := proto.Unmarshal(b, &sent); err != nil {
			return err
		}
		for _, resource := range sent.ResourceMetrics {
			for _, scope := range resource.ScopeMetrics {
				for _, m := range scope.Metrics {
					c.metrics[m.Name] = true
				}
			}
		}
	default:
		return fmt.Errorf("no such path: %s", r.URL.Path)
	}
	return nil
}

func (s *scenario) otlpSpans(in invocation) error {
	if len(in.args) != 0 {
		return errUsage
	}
	if s.collector == nil {
		return errors.New("there is no collector; otlp start starts one")
	}
	s.collector.mu.Lock()
	defer s.collector.mu.Unlock()
	byID := map[string]*spanpb.Span{}
	for _, span := range s.collector.spans {
		byID[string(span.SpanId)] = span
	}
	var lines []string
	for _, span := range s.collector.spans {
		lines = append(lines, spanLine(span, byID))
	}
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Fprintln(in.stdout, line)
	}
	return nil
}

// spanLine is a span after those that it is below, and what it holds.
func spanLine(span *spanpb.Span, byID map[string]*spanpb.Span) string {
	path := span.Name
	for above := byID[string(span.ParentSpanId)]; above != nil; above = byID[string(above.ParentSpanId)] {
		path = above.Name + " > " + path
	}
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s trace_id=%s", path, hex.EncodeToString(span.TraceId))
	if len(span.ParentSpanId) > 0 && byID[string(span.ParentSpanId)] == nil {
		fmt.Fprintf(b, " remote_parent=%s", hex.EncodeToString(span.ParentSpanId))
	}
	attributes(b, span.Attributes)
	if span.Status.GetCode() == spanpb.Status_STATUS_CODE_ERROR {
		fmt.Fprintf(b, " status=error:%q", span.Status.Message)
	}
	for _, e := range span.Events {
		fmt.Fprintf(b, " event=%s", e.Name)
		attributes(b, e.Attributes)
	}
	return b.String()
}

func attributes(b *strings.Builder, all []*commonpb.KeyValue) {
	values := map[string]string{}
	for _, a := range all {
		values[a.Key] = valueText(a.Value)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(b, " %s=%s", name, values[name])
	}
}

func valueText(v *commonpb.AnyValue) string {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return fmt.Sprintf("%q", v.StringValue)
	case *commonpb.AnyValue_IntValue:
		return fmt.Sprint(v.IntValue)
	case *commonpb.AnyValue_DoubleValue:
		return fmt.Sprint(v.DoubleValue)
	case *commonpb.AnyValue_BoolValue:
		return fmt.Sprint(v.BoolValue)
	}
	return v.String()
}

func (s *scenario) otlpMetrics(in invocation) error {
	if len(in.args) != 0 {
		return errUsage
	}
	if s.collector == nil {
		return errors.New("there is no collector; otlp start starts one")
	}
	s.collector.mu.Lock()
	defer s.collector.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.collector.metrics)) {
		fmt.Fprintln(in.stdout, name)
	}
	return nil
}

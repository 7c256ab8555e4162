package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
)

// An ending is an error that says how its operation ended.
type ending struct {
	outcome Outcome
	code    string
}

func (e ending) Error() string { return "it said: select secret" }

func classify(err error) (Outcome, string) {
	var e ending
	switch {
	case err == nil:
		return OK, ""
	case errors.As(err, &e):
		return e.outcome, e.code
	}
	return Broken, "internal_error"
}

// fail returns a function for call.Do that ends with err.
func fail(err error) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { return 0, err }
}

func TestTraceLevels(t *testing.T) {
	for _, c := range []struct {
		kind call.Kind
		err  error
		want string
	}{
		{call.Tool, nil, "INFO operation tool ok"},
		{call.Tool, ending{Refused, "blocked_table"}, "INFO operation tool refused blocked_table"},
		{call.Tool, ending{Cancelled, "cancelled"}, "INFO operation tool cancelled cancelled"},
		{call.Tool, ending{Timeout, "timeout"}, "WARN operation tool timeout timeout"},
		{call.Statement, nil, ""},
		{call.Statement, ending{Failed, "data_error"}, "WARN operation statement error data_error"},
		{call.Model, errors.New("out of paper"), "ERROR operation model internal internal_error: out of paper"},
	} {
		var out bytes.Buffer
		chain := call.New(Trace(NewLog(&out, config.Log{Level: "info", Format: "json"}).Logger, classify))
		call.Do(t.Context(), chain, call.Op{Kind: c.kind, Name: "n"}, fail(c.err))

		var got string
		if out.Len() > 0 {
			var r struct{ Level, Msg, Kind, Outcome, Code, Error string }
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			got = strings.TrimSpace(strings.Join([]string{r.Level, r.Msg, r.Kind, r.Outcome, r.Code}, " "))
			if r.Error != "" {
				got += ": " + r.Error
			}
		}
		if got != c.want {
			t.Errorf("%s ending with %v:\n got %s\nwant %s", c.kind, c.err, got, c.want)
		}
	}
}

func TestErrorTextOnlyAtDebug(t *testing.T) {
	for level, want := range map[string]bool{"debug": true, "info": false} {
		var out bytes.Buffer
		chain := call.New(Trace(NewLog(&out, config.Log{Level: level, Format: "text"}).Logger, classify))
		call.Do(t.Context(), chain, call.Op{Kind: call.Tool}, fail(ending{Failed, "data_error"}))
		if got := strings.Contains(out.String(), "select secret"); got != want {
			t.Errorf("at level %s the statement is logged: %v\n%s", level, got, out.String())
		}
	}
}

// The outermost operation gets the ID, and everything below has the same.
func TestRequestID(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(&out, config.Log{Level: "debug", Format: "text"}).Logger
	chain := call.New(Trace(log, classify))
	var outer, inner string
	call.Do(t.Context(), chain, call.Op{Kind: call.Tool}, func(ctx context.Context) (int, error) {
		outer = RequestID(ctx)
		return call.Do(ctx, chain, call.Op{Kind: call.Statement}, func(ctx context.Context) (int, error) {
			inner = RequestID(ctx)
			log.With("place", "cellar").WarnContext(ctx, "a word")
			return 0, nil
		})
	})
	if outer != inner || !regexp.MustCompile("^[0-9a-f]{32}$").MatchString(outer) {
		t.Errorf("outer %q, inner %q", outer, inner)
	}
	// Even the outermost record is written inside, where the ID is known.
	if n := strings.Count(out.String(), "request_id="+outer); n != 3 {
		t.Errorf("%d of 3 records hold the ID:\n%s", n, out.String())
	}

	const given = "4bf92f3577b34da6a3ce929d0e0e4736"
	call.Do(WithRequestID(t.Context(), given), chain, call.Op{Kind: call.Tool}, func(ctx context.Context) (int, error) {
		if got := RequestID(ctx); got != given {
			t.Errorf("given %s, got %s", given, got)
		}
		return 0, nil
	})
}

func TestTraceID(t *testing.T) {
	const id, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for header, want := range map[string]string{
		"00-" + id + "-" + parent + "-01":                      id,
		"cc-" + id + "-" + parent + "-01-more":                 id, // a later version may hold more
		"00-" + id + "-" + parent + "-01-more":                 "",
		"ff-" + id + "-" + parent + "-01":                      "",
		"00-" + strings.Repeat("0", 32) + "-" + parent + "-01": "",
		"00-" + id + "-" + strings.Repeat("0", 16) + "-01":     "",
		"00-" + strings.ToUpper(id) + "-" + parent + "-01":     "",
		"00-" + id[1:] + "-" + parent + "-01":                  "",
		"*/ select 1 --":                                       "",
		"":                                                     "",
	} {
		if got := TraceID(header); got != want {
			t.Errorf("TraceID(%q) = %q, want %q", header, got, want)
		}
	}
}

func newMeter(t testing.TB) *Meter {
	t.Helper()
	m, err := NewMeter(Resource("v1.2.3"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMeter(t)
		chain := call.New(Measure(m, classify), call.Recover(slog.New(slog.DiscardHandler)))
		take := func(name string, d time.Duration, err error) {
			call.Do(t.Context(), chain, call.Op{Kind: call.Tool, Name: name}, func(context.Context) (int, error) {
				time.Sleep(d)
				return 0, err
			})
		}
		take("health", time.Second, nil)
		take("ask", 3*time.Second, nil)
		take("ask", time.Second, nil)
		take("ask", 0, ending{Refused, "too_long"})
		call.Do(t.Context(), chain, call.Op{Kind: call.Tool, Name: "ask"}, func(context.Context) (int, error) { panic("x") })
		got, err := m.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := []Count{
			{call.Tool, "ask", Broken, 1, 0, 0},
			{call.Tool, "ask", OK, 2, 4 * time.Second, 3 * time.Second},
			{call.Tool, "ask", Refused, 1, 0, 0},
			{call.Tool, "health", OK, 1, time.Second, time.Second},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// Tokens count whatever became of them.
func TestMeterCountsTokens(t *testing.T) {
	m := newMeter(t)
	chain := call.New(Measure(m, classify))
	use := func(tokens int, err error) {
		call.Do(t.Context(), chain, call.Op{Kind: call.Model, Name: "m"}, func(ctx context.Context) (int, error) {
			call.FactsOf(ctx).TokensIn = tokens
			return 0, err
		})
	}
	use(100, nil)
	use(20, ending{Failed, "model_refused"})
	use(0, ending{Failed, "model_unreachable"}) // none were used
	page := httptest.NewRecorder()
	m.Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`(?m)^gen_ai_client_token_usage_sum\{.*gen_ai_token_type="input"\} 120$`,
		`(?m)^gen_ai_client_token_usage_count\{.*gen_ai_token_type="input"\} 2$`,
	} {
		if !regexp.MustCompile(want).MatchString(page.Body.String()) {
			t.Errorf("nothing matches %s in\n%s", want, page.Body)
		}
	}
}

func TestMeterIsBounded(t *testing.T) {
	m := newMeter(t)
	for i := range 3 * maxSeries {
		m.add(t.Context(), call.Op{Kind: call.Model, Name: fmt.Sprint(i)}, OK, "", 0)
	}
	counts, err := m.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(counts) != maxSeries {
		t.Errorf("%d series, want %d, one of them for the rest", len(counts), maxSeries)
	}
	if last := counts[len(counts)-1]; last.Name != "other" || last.Count != 2*maxSeries+1 {
		t.Errorf("the rest is %+v", last)
	}
}

func TestLogFormat(t *testing.T) {
	for format, json := range map[string]bool{"auto": true, "json": true, "text": false} { // a buffer is no terminal
		var out bytes.Buffer
		NewLog(&out, config.Log{Level: "info", Format: format}).Info("hello")
		if got := strings.HasPrefix(out.String(), "{"); got != json {
			t.Errorf("format %s is JSON: %v", format, got)
		}
	}
}

func TestLogLevel(t *testing.T) {
	for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
		var out bytes.Buffer
		log := NewLog(&out, config.Log{Level: level, Format: "text"})
		log.Debug("x")
		log.Info("x")
		log.Warn("x")
		log.Error("x")
		if got := strings.Count(out.String(), "\n"); got != want {
			t.Errorf("level %s writes %d of 4 records, want %d", level, got, want)
		}
	}
}

// A logger follows its log, whenever and however it was made.
func TestLogFollows(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(&out, config.Log{Level: "warn", Format: "json"})
	derived := log.With("database", "shop").WithGroup("pool")
	for _, c := range []struct {
		log         config.Log
		level       slog.Level
		begins, has string
	}{
		{config.Log{Level: "warn", Format: "json"}, slog.LevelInfo, "", ""},
		{config.Log{Level: "debug", Format: "json"}, slog.LevelDebug, "{", `"database":"shop","pool":{"n":1}`},
		{config.Log{Level: "info", Format: "text"}, slog.LevelInfo, "time=", "database=shop pool.n=1"},
		{config.Log{Level: "info", Format: "text"}, slog.LevelDebug, "", ""},
		{config.Log{Level: "error", Format: "auto"}, slog.LevelError, "{", `"database":"shop","pool":{"n":1}`},
	} {
		log.Set(c.log)
		out.Reset()
		derived.Log(t.Context(), c.level, "hello", "n", 1)
		if got := out.String(); !strings.HasPrefix(got, c.begins) || !strings.Contains(got, c.has) || (got == "") != (c.begins == "") {
			t.Errorf("%+v, a record of level %s: %q", c.log, c.level, got)
		}
	}
}

// What is always logged is, at any level that a configuration can name.
func TestAlways(t *testing.T) {
	for level, want := range map[string]int{"debug": 2, "info": 2, "warn": 2, "error": 2, Quiet: 1} {
		var out bytes.Buffer
		log := NewLog(&out, config.Log{Level: level, Format: "text"}).With("audit", "a.jsonl")
		Always(log, "x", "line", 7)
		log.Error("x", "line", 7)
		if got := strings.Count(out.String(), "msg=x audit=a.jsonl line=7\n"); got != want {
			t.Errorf("level %s writes %d of 2 records, want %d", level, got, want)
		}
	}
}

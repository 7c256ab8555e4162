package llm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/llm"
)

const testKey = "k-0123456789-not-a-real-key"

func ask(model string) llm.Request {
	return llm.Request{
		Stage: "generate",
		Model: model,
		Title: "How many orders?",
		Messages: []llm.Message{
			{Role: "system", Content: "Write SQL.\n-- orders --\nid < 3"},
			{Role: "user", Content: "How many orders?"},
		},
		Schema: json.RawMessage(`{"type":"object","properties":{"sql":{"type":"string"}},"required":["sql"],"additionalProperties":false}`),
	}
}

// server is a configuration for a model that answers with h.
func server(t *testing.T, h http.HandlerFunc) *config.LLM {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	t.Setenv("LLM_TEST_KEY", testKey)
	return &config.LLM{
		BaseURL: s.URL + "/v1",
		Model:   "small-1",
		APIKey:  &config.Secret{Env: "LLM_TEST_KEY"},
		Timeout: config.Duration(10 * time.Second),
	}
}

func open(t *testing.T, c *config.LLM, layers ...call.Layer) llm.Provider {
	t.Helper()
	p, err := llm.New(c, call.New(layers...), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func says(content string) string {
	b, _ := json.Marshal(content)
	return `{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":` + string(b) + `}}],
		"usage":{"prompt_tokens":120,"completion_tokens":9,"total_tokens":129,"prompt_tokens_details":{"cached_tokens":100}}}`
}

func TestOpenAISends(t *testing.T) {
	var path, auth string
	var body map[string]any
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		path, auth, body = r.URL.Path, r.Header.Get("Authorization"), nil
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		io.WriteString(w, says(`{"sql":"select 1"}`))
	})
	got, err := open(t, c).Complete(t.Context(), ask("small-1"))
	if err != nil {
		t.Fatal(err)
	}
	want := llm.Response{Content: `{"sql":"select 1"}`, Usage: llm.Usage{Prompt: 120, Completion: 9, Cached: 100}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("response (-want +got):\n%s", d)
	}
	if path != "/v1/chat/completions" || auth != "Bearer "+testKey {
		t.Errorf("path %q, authorization %q", path, auth)
	}
	var schema any
	json.Unmarshal(ask("").Schema, &schema)
	wire := map[string]any{
		"model":       "small-1",
		"stream":      false,
		"temperature": 1e-45, // 0 would be left out
		"messages": []any{
			map[string]any{"role": "system", "content": "Write SQL.\n-- orders --\nid < 3"},
			map[string]any{"role": "user", "content": "How many orders?"},
		},
		"response_format": map[string]any{
			"type":        "json_schema",
			"json_schema": map[string]any{"name": "generate", "strict": true, "schema": schema},
		},
	}
	if d := cmp.Diff(wire, body); d != "" {
		t.Errorf("body (-want +got):\n%s", d)
	}

	if _, err := open(t, c).Complete(t.Context(), ask("gpt-5-mini")); err != nil {
		t.Fatal(err)
	}
	if _, ok := body["temperature"]; ok {
		t.Error("a reasoning model was sent a temperature")
	}

	c.APIKey = nil
	if _, err := open(t, c).Complete(t.Context(), ask("small-1")); err != nil {
		t.Fatal(err)
	}
	if auth != "" {
		t.Errorf("without a key, authorization is %q", auth)
	}
}

func TestOpenAIFails(t *testing.T) {
	reply := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	finish := func(reason, message string) http.HandlerFunc {
		return reply(200, `{"choices":[{"finish_reason":"`+reason+`","message":{"role":"assistant",`+message+`}}]}`)
	}
	tests := []struct {
		name    string
		answer  http.HandlerFunc
		code    llm.Code
		message string // a part of it
	}{
		{"wrong key", reply(401, `{"error":{"message":"Incorrect API key provided: `+testKey+`.","code":"invalid_api_key"}}`),
			llm.Rejected, "status 401: Incorrect API key provided: [REDACTED]."},
		{"unknown model", reply(404, `{"error":{"message":"The model small-1 does not exist"}}`),
			llm.Rejected, "status 404: The model small-1 does not exist"},
		{"a proxy's page", reply(403, `<html>key `+testKey+`</html>`),
			llm.Rejected, "rejected the request with status 403"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
			llm.Rejected, "redirects elsewhere (status 307): set llm.base_url"},
		{"no choice", reply(200, `{"choices":[]}`), llm.Malformed, "without a choice"},
		{"empty", finish("stop", `"content":""`), llm.Malformed, "is empty"},
		{"refusal", finish("stop", `"refusal":"I will\nnot."`), llm.Refused, "declined to answer: I will not."},
		{"filter", finish("content_filter", `"content":"{"`), llm.Refused, "filtered the answer out"},
		{"cut off", finish("length", `"content":"{\"sql\":\"sel"`), llm.CutOff, "cut off at its token limit"},
		{"no JSON", reply(200, `<html>`), llm.Malformed, "cannot read what the model's server"},
		{"other JSON", reply(200, `[1,2]`), llm.Malformed, "cannot read what the model's server"},
		{"nothing", reply(200, ``), llm.Malformed, "cannot read what the model's server"},
		{"half", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"choices":[`)
		}, llm.Malformed, "cannot read what the model's server"},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"choices":[{"message":{"content":"`)
			for range 5 << 10 {
				io.WriteString(w, strings.Repeat("x", 1<<10))
			}
		}, llm.Malformed, "more than 4194304 bytes"},
		{"hung up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			llm.Unreachable, "cannot reach the model at 127.0.0.1:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := open(t, server(t, tt.answer)).Complete(t.Context(), ask("small-1"))
			e, ok := errors.AsType[*llm.Error](err)
			if !ok {
				t.Fatalf("error %T %v", err, err)
			}
			if e.Code != tt.code || !strings.Contains(e.Message, tt.message) {
				t.Errorf("got %s: %s\nwant %s: …%s…", e.Code, e.Message, tt.code, tt.message)
			}
			if strings.Contains(e.Message, testKey) {
				t.Errorf("the key is in: %s", e.Message)
			}
		})
	}
}

// What is no completion has been paid for too, in each attempt.
func TestUsageOfFailures(t *testing.T) {
	const usage = `"usage":{"prompt_tokens":120,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":100}}}`
	for _, choices := range []string{
		`[]`,
		`[{"finish_reason":"stop","message":{"content":""}}]`,
		`[{"finish_reason":"stop","message":{"refusal":"no"}}]`,
		`[{"finish_reason":"content_filter","message":{"content":"{"}}]`,
		`[{"finish_reason":"length","message":{"content":"{"}}]`,
	} {
		var facts call.Facts
		twice := func(next call.Handler) call.Handler {
			return func(ctx context.Context, op call.Op) error {
				next(ctx, op)
				defer func() { facts = *call.FactsOf(ctx) }()
				return next(ctx, op)
			}
		}
		c := server(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"choices":`+choices+`,`+usage) })
		got, err := open(t, c, twice).Complete(t.Context(), ask("small-1"))
		want := llm.Response{Usage: llm.Usage{Prompt: 120, Completion: 9, Cached: 100}}
		if diff := cmp.Diff(want, got); err == nil || diff != "" {
			t.Errorf("%s: %v, (-want +got):\n%s", choices, err, diff)
		}
		if facts.TokensIn != 240 || facts.TokensOut != 18 {
			t.Errorf("%s: the facts are %+v", choices, facts)
		}
	}
}

func TestOpenAIBusy(t *testing.T) {
	soon := func() string { return time.Now().Add(time.Hour).UTC().Format(http.TimeFormat) }
	tests := []struct {
		status   int
		header   string
		from, to time.Duration
	}{
		{429, "7", 7 * time.Second, 7 * time.Second},
		{429, "", 0, 0},
		{503, "soon", 0, 0},
		{503, "-3", 0, 0},
		{503, "99999999999", 0, 0},
		{503, soon(), 59 * time.Minute, time.Hour},
		{500, "", 0, 0},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d %s", tt.status, tt.header), func(t *testing.T) {
			p := open(t, server(t, func(w http.ResponseWriter, _ *http.Request) {
				if tt.header != "" {
					w.Header().Set("Retry-After", tt.header)
				}
				http.Error(w, `{"error":{"message":"slow down"}}`, tt.status)
			}))
			_, err := p.Complete(t.Context(), ask("small-1"))
			e, ok := errors.AsType[*llm.StatusError](err)
			if !ok {
				t.Fatalf("error %T %v", err, err)
			}
			if e.Code != tt.status || e.RetryAfter < tt.from || e.RetryAfter > tt.to {
				t.Errorf("got %d, retry after %s", e.Code, e.RetryAfter)
			}
		})
	}
}

func TestOpenAIEnds(t *testing.T) {
	asked := make(chan bool, 1)
	c := server(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // so that the server notices when the caller is gone
		asked <- true
		<-r.Context().Done()
	})

	t.Run("after its time", func(t *testing.T) {
		c.Timeout = config.Duration(50 * time.Millisecond)
		_, err := open(t, c).Complete(t.Context(), ask("small-1"))
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Code != llm.TimedOut || !strings.Contains(e.Message, "within 50ms") {
			t.Errorf("error %T %v", err, err)
		}
		<-asked
	})
	t.Run("with its caller", func(t *testing.T) {
		c.Timeout = config.Duration(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-asked; cancel() }()
		if _, err := open(t, c).Complete(ctx, ask("small-1")); !errors.Is(err, context.Canceled) {
			t.Errorf("error %T %v", err, err)
		}
	})
	t.Run("when nobody listens", func(t *testing.T) {
		gone := httptest.NewServer(nil)
		gone.Close()
		c.BaseURL = strings.Replace(gone.URL, "http://", "http://user:"+testKey+"@", 1)
		_, err := open(t, c).Complete(t.Context(), ask("small-1"))
		e, ok := errors.AsType[*llm.Error](err)
		if !ok || e.Code != llm.Unreachable || !strings.Contains(e.Message, "connection refused") || strings.Contains(e.Message, testKey) {
			t.Errorf("error %T %v", err, err)
		}
	})
}

func TestNew(t *testing.T) {
	if p, err := llm.New(nil, call.Chain{}, nil); p != nil || err != nil {
		t.Errorf("no model: %v, %v", p, err)
	}
	for _, tt := range []struct {
		c    config.LLM
		want string
	}{
		{config.LLM{BaseURL: "https://llm.example.com/v1", APIKey: &config.Secret{Env: "LLM_TEST_UNSET"}}, "LLM_TEST_UNSET is not set"},
		{config.LLM{BaseURL: "https://"}, "llm.base_url"},
		{config.LLM{Replay: t.TempDir() + "/none"}, "open golden answers"},
	} {
		if _, err := llm.New(&tt.c, call.Chain{}, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want …%s…", err, tt.want)
		}
	}
}

func TestChain(t *testing.T) {
	var seen []call.Op
	layer := func(next call.Handler) call.Handler {
		return func(ctx context.Context, op call.Op) error {
			seen = append(seen, op)
			return next(ctx, op)
		}
	}
	c := server(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, says("{}")) })
	if _, err := open(t, c, layer).Complete(t.Context(), ask("small-1")); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]call.Op{{Kind: call.Model, Name: "small-1", Server: strings.TrimSuffix(strings.TrimPrefix(c.BaseURL, "http://"), "/v1")}}, seen); d != "" {
		t.Errorf("operations (-want +got):\n%s", d)
	}
}

func TestEnding(t *testing.T) {
	at := func(t *testing.T, c *config.LLM) call.Ending {
		t.Helper()
		_, err := open(t, c).Complete(t.Context(), ask("small-1"))
		if err == nil {
			t.Fatal("no error")
		}
		return llm.Ending(err)
	}
	says := func(status int, body string) *config.LLM {
		return server(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(status)
			io.WriteString(w, body)
		})
	}
	gone := server(t, nil)
	gone.BaseURL = "http://127.0.0.1:1/v1"
	slow := server(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() })
	slow.Timeout = config.Duration(10 * time.Millisecond)
	for name, c := range map[string]struct {
		config *config.LLM
		want   call.Ending
	}{
		"busy":        {says(429, ""), call.Ending{Again: true, After: 3 * time.Second}},
		"broken":      {says(503, ""), call.Ending{Sign: call.Fails, Again: true, After: 3 * time.Second}},
		"wrong key":   {says(401, "{}"), call.Ending{Sign: call.Works}},
		"no answer":   {says(200, "<html>"), call.Ending{Sign: call.Works}},
		"not there":   {gone, call.Ending{Sign: call.Fails, Again: true}}, // nothing was sent
		"hung up":     {server(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), call.Ending{Sign: call.Fails}},
		"out of time": {slow, call.Ending{Sign: call.Fails}},
	} {
		if got := at(t, c.config); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
	if got := llm.Ending(context.Canceled); got != (call.Ending{}) {
		t.Errorf("cancelled: %+v", got)
	}
}

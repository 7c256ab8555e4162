package answer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/llm"
)

func TestAfford(t *testing.T) {
	p := &Pipeline{config: &config.Config{Answers: config.Answers{MaxModelCalls: 2, MaxTokens: 1000, Timeout: config.Duration(time.Minute)}}}
	request := llm.Request{Stage: "generate", Messages: []llm.Message{{Content: strings.Repeat("x", 3000)}}, Schema: []byte(strings.Repeat("y", 400))}
	for _, tt := range []struct {
		name string
		a    Answer
		want string
	}{
		{"nothing spent", Answer{}, ""},
		{"one call left", Answer{ModelCalls: 1}, ""},
		{"no call left", Answer{ModelCalls: 2}, "answers.max_model_calls, 2, leaves no call for the stage generate"},
		{"just enough", Answer{spent: 150}, ""},
		{"too much", Answer{spent: 151}, "the stage generate needs about 850 tokens, and answers.max_tokens leaves 849"},
		{"overdrawn", Answer{spent: 2000}, "the stage generate needs about 850 tokens, and answers.max_tokens leaves 0"},
	} {
		err := p.afford(t.Context(), &tt.a, request)
		if got := errorText(err); got != tt.want || isSpent(err) != (tt.want != "") {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}

	// A server that counts no tokens does not make them free.
	a := &Answer{}
	a.pay(request, llm.Response{Content: strings.Repeat("z", 40)})
	if a.spent != 860 || a.Usage != (llm.Usage{}) {
		t.Errorf("spent %d, usage %+v", a.spent, a.Usage)
	}
	a.pay(request, llm.Response{Usage: llm.Usage{Prompt: 2000, Completion: 7}})
	if a.spent != 2867 || a.Usage.Prompt != 2000 {
		t.Errorf("spent %d, usage %+v", a.spent, a.Usage)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// The time of a question is told apart from the end of its caller's patience.
func TestTimeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pipeline{config: &config.Config{Answers: config.Answers{MaxModelCalls: 2, MaxTokens: 1000, Timeout: config.Duration(time.Minute)}}}
		ctx, cancel := p.limited(t.Context())
		defer cancel()
		time.Sleep(time.Minute - 1)
		if timeUp(ctx) || p.afford(ctx, &Answer{}, llm.Request{}) != nil {
			t.Error("the time is up too early")
		}
		<-ctx.Done()
		if err := p.afford(ctx, &Answer{}, llm.Request{}); !timeUp(ctx) || errorText(err) != "the question took longer than answers.timeout, 1m0s" {
			t.Errorf("error %v", err)
		}

		parent, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		ctx, cancel = p.limited(parent)
		defer cancel()
		<-ctx.Done()
		if timeUp(ctx) || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Error("the caller's own deadline passes for the question's")
		}
	})
}

func TestDateLine(t *testing.T) {
	now := time.Date(2024, 2, 29, 23, 30, 0, 0, time.FixedZone("", -3*3600)) // the next day in UTC
	for date, want := range map[string]string{
		"none":       "The time zone is UTC.",
		"today":      "Today is Friday, 2024-03-01. The time zone is UTC.",
		"2020-12-31": "Take 2020-12-31 for today, and write dates out instead of current_date and now(), which are later. The time zone is UTC.",
	} {
		if got := dateLine(date, now); got != want {
			t.Errorf("%s: %s, want %s", date, got, want)
		}
	}
}

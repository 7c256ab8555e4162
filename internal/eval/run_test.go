package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/postgres"
	"github.com/pgmcp/pgmcp/internal/query"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// script is a model that answers a question with SQL, with a status, or with an
// error, and finds every answer good.
type script struct {
	sql    map[string]string
	status map[string]string
	errs   map[string]error

	mu          sync.Mutex
	going, most int // calls at the same time
}

func (s *script) Complete(ctx context.Context, r llm.Request) (llm.Response, error) {
	s.mu.Lock()
	s.going++
	s.most = max(s.most, s.going)
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.going--; s.mu.Unlock() }()
	if r.Stage == "judge" {
		return llm.Response{Usage: llm.Usage{Prompt: 10}, Content: `{"reads_as": "?", "intent_matches": "yes",
			"columns_answer_question": "yes", "filters_complete": "yes", "filters_correct": "yes", "joins_correct": "yes",
			"aggregation_grain": "yes", "time_window": "yes", "ambiguity": "none", "other_reading": "", "verdict": "yes"}`}, ctx.Err()
	}
	if err := s.errs[r.Title]; err != nil {
		return llm.Response{}, err
	}
	reply := map[string]any{"status": "sql", "assumptions": []string{}, "filters": []any{}, "sql": s.sql[r.Title], "message": ""}
	if status, ok := s.status[r.Title]; ok {
		reply["status"], reply["message"] = status, "It is so."
	}
	b, err := json.Marshal(reply)
	return llm.Response{Content: string(b), Usage: llm.Usage{Prompt: 100}}, err
}

const townScript = `
create table people (id int primary key, name text not null, secret text);
insert into people select i, 'person ' || i, 'hidden' from generate_series(1, 20) i;
`

// runner runs cases on a town of 20 people, of which a statement may read 15.
func runner(t *testing.T, model llm.Provider) *Runner {
	t.Helper()
	t.Setenv("EVAL_TEST_URL", pgtest.Open(t, townScript))
	c := &config.Config{
		Databases: map[string]config.Database{"town": {
			URL: config.Secret{Env: "EVAL_TEST_URL"}, Pool: config.Pool{Max: 4, MaxOrphans: 2}, Schemas: []string{"public"},
			ConnectTimeout: config.Duration(10 * time.Second), CatalogRefresh: config.Duration(time.Hour),
		}},
		Security: config.Security{
			AllowPrivilegedRole: true, // the tests' servers lend a superuser
			AllowExplain:        true, MaxQuestionLength: 100,
			Blocked: config.Blocked{Columns: []string{"people.secret"}},
			Limits:  config.Limits{MaxRows: 15, MaxBytes: 1 << 20, StatementTimeout: config.Duration(10 * time.Second), MaxStatementSize: 16 << 10, MaxTokens: 4000},
		},
		Answers: config.Answers{
			ConfidenceThreshold: 0.6, OnLowConfidence: "withhold", TokenBudget: 24_000, Values: "off", Date: "none",
			MaxModelCalls: 2, MaxTokens: 100_000, Timeout: config.Duration(time.Minute),
		},
		LLM: &config.LLM{Model: "small-1"},
	}
	databases, err := postgres.Open(t.Context(), c, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(databases.Close)
	q := query.NewRunner(databases, call.Chain{})
	return &Runner{Pipeline: answer.NewPipeline(c, databases, q, model), Query: q, Parallel: 3}
}

func TestRun(t *testing.T) {
	const ten = "select id from people where id <= 10"
	type want struct {
		Execution bool
		Reason    string
		Err       string
	}
	tests := []struct {
		question string
		sql      string
		status   string
		err      error
		gold     []string
		ordered  bool
		want     want
	}{
		{question: "right", sql: "select id from people where id < 11", gold: []string{ten}, want: want{Execution: true}},
		{question: "right with other columns", sql: "select name, id from people where id < 11", gold: []string{ten}, want: want{Execution: true}},
		{question: "the second gold", sql: "select 10", gold: []string{ten, "select count(*) from (" + ten + ") t"}, want: want{Execution: true}},
		{question: "wrong", sql: "select id from people where id < 10", gold: []string{ten}, want: want{}},
		{question: "any order", sql: ten + " order by id desc", gold: []string{ten + " order by id"}, want: want{Execution: true}},
		{question: "wrong order", sql: ten + " order by id desc", gold: []string{ten + " order by id"}, ordered: true, want: want{}},
		{question: "blocked", sql: "select secret from people", gold: []string{ten}, want: want{Reason: "blocked_column"}},
		{question: "fails", sql: "select 1 / (id - 5) from people", gold: []string{ten}, want: want{Reason: "data_error"}},
		{question: "cut off", sql: "select id from people", gold: []string{ten}, want: want{Reason: "cut_off"}},
		{question: "declined", status: "clarify", gold: []string{ten}, want: want{Reason: "clarify"}},
		{question: "declined rightly", status: "unanswerable", want: want{Reason: "unanswerable"}},
		{question: "answered wrongly", sql: ten, want: want{}},
		{question: "no use", err: &llm.Error{Code: llm.Refused, Message: "no"}, gold: []string{ten}, want: want{Reason: "model_refused"}},
		{question: "no model", err: &llm.Error{Code: llm.Unreachable, Message: "it is down"}, gold: []string{ten}, want: want{Err: "it is down"}},
		{question: "busy", err: &llm.StatusError{Code: 429}, gold: []string{ten}, want: want{Err: "status 429"}},
		{question: strings.Repeat("long", 100), gold: []string{ten}, want: want{Err: "at most 100 are allowed"}},
	}
	model := &script{map[string]string{}, map[string]string{}, map[string]error{}, sync.Mutex{}, 0, 0}
	var cases []Case
	for _, tt := range tests {
		model.sql[tt.question], model.errs[tt.question] = tt.sql, tt.err
		if tt.status != "" {
			model.status[tt.question] = tt.status
		}
		c := Case{Question: tt.question, Database: "town", Ordered: tt.ordered, Unanswerable: tt.gold == nil}
		for _, sql := range tt.gold {
			c.Gold = append(c.Gold, Gold{SQL: sql})
		}
		cases = append(cases, c)
	}
	r := runner(t, model)
	var progress []int
	r.Progress = func(ended int) { progress = append(progress, ended) }
	outcomes, err := r.Run(t.Context(), cases)
	if err != nil {
		t.Fatal(err)
	}
	for i, tt := range tests {
		o := outcomes[i]
		got := want{Execution: o.Match.Execution, Reason: o.Reason}
		if o.Err != nil && strings.Contains(o.Err.Error(), tt.want.Err) {
			got.Err = tt.want.Err
		} else if o.Err != nil {
			got.Err = o.Err.Error()
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.question, d)
		}
		if o.Case.Question != tt.question {
			t.Errorf("outcome %d is of %q", i, o.Case.Question)
		}
	}
	if len(progress) != len(cases) || progress[len(progress)-1] != len(cases) {
		t.Errorf("progress %v of %d cases", progress, len(cases))
	}
	if model.most > r.Parallel {
		t.Errorf("%d calls at the same time", model.most)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	r := runner(t, &script{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Run(ctx, []Case{{Question: "a", Database: "town", Unanswerable: true}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := r.Verify(ctx, []Case{{Question: "a", Database: "town", Gold: []Gold{{SQL: "select 1"}}}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestTally(t *testing.T) {
	dir := t.TempDir()
	ask := func(i int) llm.Request {
		return llm.Request{Stage: "generate", Model: "m", Title: fmt.Sprint(i), Messages: []llm.Message{{Role: "user", Content: fmt.Sprint(i)}}}
	}
	for i, origin := range []string{llm.Handwritten, "recorded 2026-01-02", "recorded 2026-01-03"} {
		if _, err := llm.Write(dir, ask(i), llm.Response{Content: "{}"}, origin); err != nil {
			t.Fatal(err)
		}
	}
	// That a model declined is a reply too, whoever says so.
	declines := &script{errs: map[string]error{"3": &llm.Error{Code: llm.Refused, Message: "no"}, "4": &llm.Error{Code: llm.Unreachable, Message: "down"}}}
	record, err := llm.NewRecord(declines, &config.LLM{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := record.Complete(t.Context(), ask(3)); err == nil {
		t.Fatal("the model did not decline")
	}
	declined, err := filepath.Glob(filepath.Join(dir, "generate-3-*"))
	if err != nil || len(declined) != 1 {
		t.Fatal(declined, err)
	}
	text, err := os.ReadFile(declined[0])
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile("(?m)^origin: .*").ReplaceAll(text, []byte("origin: "+llm.Handwritten))
	if err := os.WriteFile(declined[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	golden, err := llm.OpenReplay(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	replayed, live := NewTally(golden), NewTally(declines)
	for i := range 5 {
		if _, err := replayed.Complete(t.Context(), ask(i)); (err != nil) != (i >= 3) {
			t.Errorf("request %d: %v", i, err)
		}
		if _, err := live.Complete(t.Context(), ask(i)); (err != nil) != (i >= 3) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if got := replayed.Replies(); got != (Replies{Recorded: 2, Handwritten: 2}) {
		t.Errorf("from golden answers: %+v", got)
	}
	if got := live.Replies(); got != (Replies{Live: 4}) {
		t.Errorf("from a model: %+v", got)
	}
}

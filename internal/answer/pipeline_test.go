package answer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/postgres"
	"github.com/pgmcp/pgmcp/internal/query"
)

// script is a model that says what a test wants, by stage.
type script struct {
	replies  map[string]string
	errs     map[string]error
	requests []llm.Request
}

func (s *script) Complete(ctx context.Context, r llm.Request) (llm.Response, error) {
	s.requests = append(s.requests, r)
	usage := llm.Usage{Prompt: 100, Completion: 10, Cached: 50}
	if err := s.errs[r.Stage]; err != nil {
		return llm.Response{Usage: usage}, err
	}
	if s.replies[r.Stage] == "" {
		return llm.Response{}, fmt.Errorf("the test has no reply for the stage %s", r.Stage)
	}
	return llm.Response{Content: s.replies[r.Stage], Usage: usage}, ctx.Err()
}

// libraryPipeline answers questions about the library at url, by the
// configuration that edit leaves. An empty url is a library of its own.
func libraryPipeline(t *testing.T, url string, model llm.Provider, edit func(*config.Config)) *Pipeline {
	t.Helper()
	if url == "" {
		url = pgtest.Open(t, library(t))
	}
	t.Setenv("ANSWER_TEST_URL", url)
	c := libraryConfig()
	db := c.Databases["library"]
	db.URL = config.Secret{Env: "ANSWER_TEST_URL"}
	db.Description = "The town's library"
	db.Pool = config.Pool{Max: 2, MaxOrphans: 2}
	db.ConnectTimeout = config.Duration(5 * time.Second)
	db.CatalogRefresh = config.Duration(time.Hour)
	c.Databases["library"] = db
	c.Security.AllowPrivilegedRole = true // the tests' servers lend a superuser
	c.Answers = config.Answers{
		ConfidenceThreshold: 0.6, OnLowConfidence: "withhold", TokenBudget: roomy, Values: valuesStats, Date: "2025-12-31",
		JudgeRows: "shape", MaxModelCalls: 5, MaxTokens: 100_000, Timeout: config.Duration(time.Minute), Checks: allChecks(),
	}
	c.LLM = &config.LLM{Model: "small-1", JudgeModel: "large-1"}
	if edit != nil {
		edit(c)
	}
	databases, err := postgres.Open(t.Context(), c, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(databases.Close)
	return NewPipeline(c, databases, query.NewRunner(databases, call.Chain{}), model)
}

func sql(text string) string {
	b, _ := json.Marshal(draft{Status: "sql", SQL: text, Assumptions: []string{"Loans that are not yet returned count too."}, Filters: []filter{}})
	return string(b)
}

// judged is a judge's reply: nothing is wrong but what edit changes.
func judged(edit func(*verdict)) string {
	v := good()
	v.ReadsAs = "How many loans are there?"
	if edit != nil {
		edit(v)
	}
	b, _ := json.Marshal(v)
	return string(b)
}

const countLoans = `select count(*) as loans from loans.loans l`

func TestAnswer(t *testing.T) {
	stages := []string{"context", "generate", "check", "plan", "run", "judge"}
	type want struct {
		Status     Status
		Message    string
		Rows       string
		Score      float64
		Reason     string // the first
		Refusal    string // its code
		Position   int    // in the SQL, where one is wanted
		ModelCalls int
		Stages     []string
	}
	uncertain := judged(func(v *verdict) {
		v.Grain, v.Ambiguity, v.OtherReading = "no", "minor", "How many books were ever lent?"
	})
	notCalibrated := uncalibrated.reason
	tests := []struct {
		name     string
		edit     func(*config.Config)
		generate string
		judge    string
		errs     map[string]error
		want     want
	}{
		{
			name:     "answered",
			generate: sql(countLoans), judge: judged(nil),
			want: want{Answered, "", `[[3]]`, 0.85, notCalibrated, "", 0, 2, stages},
		},
		{
			name:     "exactly at the threshold",
			edit:     func(c *config.Config) { c.Answers.ConfidenceThreshold = 0.85 },
			generate: sql(countLoans), judge: judged(nil),
			want: want{Answered, "", `[[3]]`, 0.85, notCalibrated, "", 0, 2, stages},
		},
		{
			name:     "just below the threshold",
			edit:     func(c *config.Config) { c.Answers.ConfidenceThreshold = 0.851 },
			generate: sql(countLoans), judge: judged(nil),
			want: want{LowConfidence, `Do you mean "How many loans are there?"? If not, name the table, the filter or the period that you want.`,
				"", 0.85, notCalibrated, "", 0, 2, stages},
		},
		{
			name:     "withheld",
			generate: sql(countLoans), judge: uncertain,
			want: want{LowConfidence, `Do you mean "How many loans are there?" or rather "How many books were ever lent?"?`,
				"", 0.426, "the judge denies that each thing is counted once, at the right level", "", 0, 2, stages},
		},
		{
			name:     "flagged",
			edit:     func(c *config.Config) { c.Answers.OnLowConfidence = "flag" },
			generate: sql(countLoans), judge: uncertain,
			want: want{LowConfidence, `Do you mean "How many loans are there?" or rather "How many books were ever lent?"?`,
				`[[3]]`, 0.426, "the judge denies that each thing is counted once, at the right level", "", 0, 2, stages},
		},
		{
			name:     "trusted with a lower threshold",
			edit:     func(c *config.Config) { c.Answers.ConfidenceThreshold = 0.4 },
			generate: sql(countLoans), judge: uncertain,
			want: want{Answered, "", `[[3]]`, 0.426, "the judge denies that each thing is counted once, at the right level", "", 0, 2, stages},
		},
		{
			name:     "no rows",
			generate: sql(`select title from books b where b.title = 'Oak'`), judge: judged(nil),
			want: want{LowConfidence, `Do you mean "How many loans are there?"? If not, name the table, the filter or the period that you want.`,
				"", 0.4, "the result has no rows", "", 0, 2, stages},
		},
		{
			name:     "more rows than the limit",
			generate: sql(`select i from generate_series(1, 6) i`), judge: judged(nil),
			want: want{Answered, "", `[[1],[2],[3],[4],[5]]`, 0.6, "the result is not complete: the limit of rows cut rows off", "", 0, 2, stages},
		},
		{
			name:     "not examined",
			edit:     func(c *config.Config) { c.Answers.MaxModelCalls = 1 },
			generate: sql(countLoans),
			want:     want{Answered, "", `[[3]]`, 0.7, unexamined.reason, "", 0, 1, stages[:5]},
		},
		{
			name:     "the judge's reply is unusable",
			generate: sql(countLoans), judge: strings.Replace(judged(nil), `"verdict":"yes"`, `"verdict":"yes","confidence":1`, 1),
			want: want{LowConfidence, "Does the SQL say what you mean? Name the table, the filter or the period to be surer.",
				"", 0.5, "the answer could not be examined: the model's reply in the stage judge is unusable: not as asked for", "", 0, 2, stages},
		},
		{
			name:     "the judge is down",
			generate: sql(countLoans), errs: map[string]error{"judge": &llm.StatusError{Code: 503}},
			want: want{LowConfidence, "Does the SQL say what you mean? Name the table, the filter or the period to be surer.",
				"", 0.5, "the answer could not be examined: the model's server answered with status 503", "", 0, 2, stages},
		},
		{
			name:     "clarify",
			generate: `{"status":"clarify","sql":"","assumptions":[],"filters":[],"message":"By loans or by books?"}`,
			want:     want{Clarify, "By loans or by books?", "", 0, "", "", 0, 1, stages[:2]},
		},
		{
			name:     "unanswerable",
			generate: `{"status":"unanswerable","sql":"select 1","assumptions":[],"filters":[],"message":"There is no weather here."}`,
			want:     want{Unanswerable, "There is no weather here.", "", 0, "", "", 0, 1, stages[:2]},
		},
		{
			name:     "a blocked column",
			generate: sql(`select pin from readers r`),
			want: want{Status: Refused, ModelCalls: 1, Stages: stages[:3],
				Refusal: "blocked_column", Position: 8},
		},
		{
			name:     "a write",
			generate: sql(`delete from loans.loans`),
			want: want{Status: Refused, ModelCalls: 1, Stages: stages[:3],
				Refusal: "not_read_only"},
		},
		{
			name:     "two statements",
			generate: sql(`select 1; select 2`),
			want: want{Status: Refused, ModelCalls: 1, Stages: stages[:3],
				Refusal: "not_one_statement"},
		},
		{
			name:     "a plan instead of an answer",
			edit:     func(c *config.Config) { c.Security.AllowExplain = true },
			generate: sql(`explain select 1`),
			want: want{Status: Refused, ModelCalls: 1, Stages: stages[:4],
				Refusal: "explain_not_allowed"},
		},
		{
			name:     "a mistake that planning finds",
			generate: sql(`select title + 1 from books b`),
			want: want{Status: Refused, ModelCalls: 1, Stages: stages[:4],
				Refusal: "unknown_function", Position: 14},
		},
		{
			name:     "a mistake that running finds",
			generate: sql(`select 1 / (id - id) from books b`),
			want: want{Status: Refused, ModelCalls: 1, Stages: stages[:5],
				Refusal: "data_error"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			model := &script{replies: map[string]string{"generate": tt.generate, "judge": tt.judge}, errs: tt.errs}
			p := libraryPipeline(t, "", model, tt.edit)
			var heard []string
			a, err := p.Answer(t.Context(), Question{Text: "How many loans?"}, func(s string) { heard = append(heard, s) })
			if err != nil {
				t.Fatal(err)
			}
			got := want{Status: a.Status, Message: a.Message, ModelCalls: a.ModelCalls, Stages: heard}
			if a.Result != nil {
				got.Rows = string(a.Result.Rows)
			}
			if a.Confidence != nil {
				got.Score = a.Confidence.Score
				got.Reason = a.Confidence.Reasons[0]
				if strings.HasPrefix(got.Reason, tt.want.Reason) { // the rest is the validator's
					got.Reason = tt.want.Reason
				}
			}
			if a.Refusal != nil {
				got.Refusal, got.Position = refusal(a.Refusal)
				if tt.want.Position == 0 {
					got.Position = 0
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if (a.SQL != "") != slices.Contains([]Status{Answered, LowConfidence, Refused}, a.Status) {
				t.Errorf("status %s with SQL %q", a.Status, a.SQL)
			}
			if n := 100 * len(model.requests); a.Usage.Prompt != n || a.ModelCalls != len(model.requests) {
				t.Errorf("usage %+v, %d calls; the model saw %d requests", a.Usage, a.ModelCalls, len(model.requests))
			}
		})
	}
}

// refusal is the code and the position of the error of an answer.
func refusal(err error) (code string, position int) {
	if e, ok := errors.AsType[*guard.Refusal](err); ok {
		return string(e.Code), e.Position
	}
	e, _ := errors.AsType[*query.Error](err)
	return e.Code, e.Position
}

func TestAnswerErrors(t *testing.T) {
	many := func(c *config.Config) {
		db := c.Databases["library"]
		c.Databases["annex"] = db
	}
	tests := []struct {
		name     string
		edit     func(*config.Config)
		question Question
		generate string
		errs     map[string]error
		want     Error // Message: a part of it
	}{
		{name: "empty", question: Question{Text: " \n"}, want: Error{Code: "question_empty", Message: "is empty"}},
		{name: "too long", question: Question{Text: strings.Repeat("ü", 201)},
			want: Error{Code: "question_too_long", Message: "has 201 characters, and at most 200 are allowed", Hint: "ask for one thing, in fewer words"}},
		{name: "prose instead of JSON", question: Question{Text: strings.Repeat("ü", 200)}, generate: "select 1",
			want: Error{Code: "model_failed", Message: "the model's reply in the stage generate is unusable: not JSON"}},
		{name: "busy", question: Question{Text: "q"}, errs: map[string]error{"generate": &llm.StatusError{Code: 429, RetryAfter: 7 * time.Second}},
			want: Error{Code: "model_busy", Message: "status 429", Hint: "try again in 7s"}},
		{name: "out of order", question: Question{Text: "q"}, errs: map[string]error{"generate": &llm.StatusError{Code: 500}},
			want: Error{Code: "model_busy", Message: "status 500", Hint: "try again later"}},
		{name: "cut off", question: Question{Text: "q"}, errs: map[string]error{"generate": &llm.Error{Code: llm.CutOff, Message: "cut off"}},
			want: Error{Code: "model_cut_off", Message: "cut off"}},
		{name: "no golden verdict", question: Question{Text: "q"}, generate: sql(countLoans), errs: map[string]error{"judge": &llm.Error{Code: llm.NoGolden, Message: "none"}},
			want: Error{Code: "no_golden_answer", Message: "none"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := libraryPipeline(t, "", &script{replies: map[string]string{"generate": tt.generate}, errs: tt.errs}, tt.edit)
			a, err := p.Answer(t.Context(), tt.question, nil)
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("answer %+v, error %T %v", a, err, err)
			}
			if e.Code != tt.want.Code || !strings.Contains(e.Message, tt.want.Message) || e.Hint != tt.want.Hint {
				t.Errorf("got %s: %s (%s)\nwant %s: …%s… (%s)", e.Code, e.Message, e.Hint, tt.want.Code, tt.want.Message, tt.want.Hint)
			}
			for _, cause := range tt.errs {
				if !errors.Is(err, cause) {
					t.Errorf("%v is not %v", err, cause)
				}
			}
		})
	}

	t.Run("no model", func(t *testing.T) {
		_, err := libraryPipeline(t, "", nil, nil).Answer(t.Context(), Question{Text: "q"}, nil)
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != "no_model" || !strings.Contains(e.Hint, "llm: {model:") {
			t.Errorf("error %T %v", err, err)
		}
	})
	t.Run("unknown database", func(t *testing.T) {
		model := &script{}
		for _, q := range []Question{{Text: "q", Database: "librari"}, {Text: "q"}} {
			_, err := libraryPipeline(t, "", model, many).Answer(t.Context(), q, nil)
			if e, ok := errors.AsType[*postgres.UnknownDatabase](err); !ok || e.Name != q.Database || len(e.Names) != 2 {
				t.Errorf("error %T %v", err, err)
			}
		}
		if len(model.requests) != 0 {
			t.Error("the model was asked")
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		for _, stage := range []string{"generate", "plan", "run", "judge"} {
			ctx, cancel := context.WithCancel(t.Context())
			p := libraryPipeline(t, "", &script{replies: map[string]string{"generate": sql(countLoans), "judge": judged(nil)}}, nil)
			_, err := p.Answer(ctx, Question{Text: "q"}, func(s string) {
				if s == stage {
					cancel()
				}
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("in %s: error %T %v", stage, err, err)
			}
			cancel()
		}
	})
}

// What the model is asked is the same on every version, byte for byte.
func TestRequests(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		model := &script{replies: map[string]string{
			"generate": sql("select b.title\nfrom books b\nwhere b.title = '\"'"),
			"judge":    judged(nil),
		}}
		p := libraryPipeline(t, s.Open(t, library(t)), model, nil)
		if _, err := p.Answer(t.Context(), Question{Text: "Which book is called \"?\nAnd why?"}, nil); err != nil {
			t.Fatal(err)
		}
		if len(model.requests) != 2 {
			t.Fatalf("%d requests", len(model.requests))
		}
		for _, r := range model.requests {
			var b strings.Builder
			fmt.Fprintf(&b, "model: %s\ntitle: %q\nschema: %s\n", r.Model, r.Title, r.Schema)
			for _, m := range r.Messages {
				fmt.Fprintf(&b, "\n%s:\n%s\n", m.Role, m.Content)
			}
			golden(t, r.Stage+".golden", b.String())
		}
	})
}

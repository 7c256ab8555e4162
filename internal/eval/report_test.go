package eval

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/llm"
)

// outcomes are one of each kind.
func outcomes() []Outcome {
	given := func(score float64) *answer.Answer {
		return &answer.Answer{Status: answer.Answered, SQL: "select 1", ModelCalls: 2, Usage: llm.Usage{Prompt: 10, Completion: 2, Cached: 5},
			Confidence: &answer.Confidence{Score: score}}
	}
	all := Match{Execution: true, Strict: true, BIRD: true}
	question := func(database string) Case { return Case{Question: "?", Database: database, File: "c.sql", Line: 3} }
	none := Case{Question: "none?", Database: "shop", Unanswerable: true}
	refusal := &guard.Refusal{Code: guard.BlockedColumn, Message: "no"}
	return []Outcome{
		{Case: question("shop"), Answer: given(0.85), Match: all, Elapsed: 10 * time.Millisecond},
		{Case: question("shop"), Answer: given(0.8), Match: Match{Execution: true}, Elapsed: 20 * time.Millisecond},
		{Case: question("shop"), Answer: given(0.7), Elapsed: 30 * time.Millisecond},
		{Case: question("desk"), Answer: given(0.6), Match: all, Elapsed: 40 * time.Millisecond}, // the threshold itself
		{Case: question("desk"), Answer: given(0.5), Match: all, Elapsed: 50 * time.Millisecond},
		{Case: question("desk"), Answer: given(0.4), Reason: "cut_off", Elapsed: 60 * time.Millisecond},
		{Case: question("shop"), Answer: &answer.Answer{Status: answer.Refused, SQL: "select x", Refusal: refusal, ModelCalls: 1}, Reason: "blocked_column", Elapsed: 70 * time.Millisecond},
		{Case: question("shop"), Answer: &answer.Answer{Status: answer.Clarify, ModelCalls: 1}, Reason: "clarify", Elapsed: 80 * time.Millisecond},
		{Case: question("shop"), Reason: "model_failed", Elapsed: 90 * time.Millisecond},
		{Case: none, Answer: given(0.9), Elapsed: 100 * time.Millisecond},
		{Case: none, Answer: &answer.Answer{Status: answer.Unanswerable, ModelCalls: 1}, Reason: "unanswerable", Elapsed: 110 * time.Millisecond},
		{Case: question("shop"), Err: errors.New("the database was down\nfor a while"), Elapsed: time.Hour},
	}
}

var configured = &config.Config{Answers: config.Answers{ConfidenceThreshold: 0.6}, LLM: &config.LLM{Model: "m", JudgeModel: "j"}}

func TestReport(t *testing.T) {
	r := NewReport(outcomes(), Replies{Live: 16}, configured, 0)
	if r.Questions != 11 || r.Answerable != 9 || r.Unanswerable != 2 || r.Failed != 1 || r.Model != "m" || r.JudgeModel != "j" || r.Warning != "" || r.Proposal != nil {
		t.Errorf("%+v", r)
	}
	// Right: 4 of 9, one of them not by the variants; on desk 2 of 3. SQL ran 7 times and was refused once.
	want := Accuracy{rate(4, 9), rate(3, 9), rate(3, 9), rate(7, 8), map[string]Rate{"shop": rate(2, 6), "desk": rate(2, 3)}}
	if d := cmp.Diff(want, r.Accuracy); d != "" {
		t.Errorf("accuracy (-want +got):\n%s", d)
	}
	// Seven answers of two calls, and three single calls; p50 of 11 is the 6th, p95 the 11th.
	cost := Cost{17, llm.Usage{Prompt: 70, Completion: 14, Cached: 35}, 60, 110}
	if d := cmp.Diff(cost, r.Cost); d != "" {
		t.Errorf("cost (-want +got):\n%s", d)
	}
	if r.Decision.Coverage != rate(5, 11) || r.Decision.Accuracy != rate(3, 5) {
		t.Errorf("at the threshold %+v", r.Decision)
	}
	var verdicts []Verdict
	for _, j := range r.Cases {
		verdicts = append(verdicts, j.Verdict)
	}
	if d := cmp.Diff([]Verdict{Right, Right, Wrong, Right, WithheldRight, WithheldWrong, Refused, Declined, Declined, Wrong, Declined, Failed}, verdicts); d != "" {
		t.Errorf("verdicts (-want +got):\n%s", d)
	}
	text := r.Text()
	for _, line := range []string{
		"11 questions, 2 of them without an answer in the database\n1 more could not be evaluated",
		"\n  c.sql:3: wrong 0.700: ?\n",
		"\n  c.sql:3: withheld, right 0.500: ?\n",
		"\n  c.sql:3: withheld, wrong 0.400 (cut_off): ?\n",
		"\n  c.sql:3: refused (blocked_column): ?\n",
		"\n  c.sql:3: declined (model_failed): ?\n",
		"\n  :0: wrong 0.900: none?\n",
		"\n  c.sql:3: failed (the database was down): ?\n",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("there is no %q in\n%s", line, text)
		}
	}
	for _, line := range []string{"0.850: ?", "none?\n  :0: declined", "for a while", "no evidence"} {
		if strings.Contains(text, line) {
			t.Errorf("there is %q in\n%s", line, text)
		}
	}
}

func TestReportOfHandwrittenReplies(t *testing.T) {
	r := NewReport(outcomes(), Replies{Live: 15, Handwritten: 1}, configured, 0.6)
	if !strings.Contains(r.Text(), r.Warning) || !strings.Contains(r.Warning, "no evidence of how good a model is") {
		t.Errorf("its warning is %q:\n%s", r.Warning, r.Text())
	}
	if r.Proposal == nil || !r.Proposal.Reached {
		t.Errorf("proposal %+v", r.Proposal)
	}
}

// With nothing to report on, every number is still one that JSON can hold.
func TestReportOfNothing(t *testing.T) {
	for _, outcomes := range [][]Outcome{nil, {{Err: errors.New("down")}}} {
		r := NewReport(outcomes, Replies{}, configured, 0.9)
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
		if r.Confidence.AUROC != nil || r.Confidence.AURC != nil || r.Proposal.Reached {
			t.Errorf("%+v", r)
		}
		if !strings.Contains(r.Text(), "AUROC                     not determined") {
			t.Error(r.Text())
		}
	}
}

func TestPercentile(t *testing.T) {
	ms := func(n ...int) (all []time.Duration) {
		for _, n := range n {
			all = append(all, time.Duration(n)*time.Millisecond)
		}
		return all
	}
	for _, tt := range []struct {
		of       []time.Duration
		p50, p95 float64
	}{
		{nil, 0, 0},
		{ms(7), 7, 7},
		{ms(2, 1), 1, 2},
		{ms(3, 1, 2), 2, 3},
		// The 10th and the 19th of 20.
		{ms(20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1), 10, 19},
	} {
		if p50, p95 := percentile(tt.of, 50), percentile(tt.of, 95); p50 != tt.p50 || p95 != tt.p95 {
			t.Errorf("%v: %v and %v, want %v and %v", tt.of, p50, p95, tt.p50, tt.p95)
		}
	}
}

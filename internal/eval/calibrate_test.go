package eval

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/config"
)

// made are outcomes of n made-up answers, whose log-odds say too much: they are
// right with the odds that a and b leave of them. They stand for no model.
func made(n int, a, b float64) []Outcome {
	random := rand.New(rand.NewPCG(5, 6))
	outcomes := make([]Outcome, n)
	for i := range outcomes {
		logOdds := 2.2 - 5*random.Float64()
		right := random.Float64() < 1/(1+math.Exp(-(a*logOdds+b)))
		outcomes[i] = Outcome{
			Case: Case{Question: "made up"},
			Answer: &answer.Answer{
				Status: answer.Answered, Database: "shop", ModelCalls: 2,
				Confidence: &answer.Confidence{Score: 0.5, LogOdds: logOdds, Ceiling: 1},
			},
			Match:   Match{Execution: right},
			Elapsed: time.Millisecond,
		}
	}
	return outcomes
}

var small = &config.LLM{Model: "small-1"}

func TestCalibrateFindsWhatIsThere(t *testing.T) {
	const a, b = 0.6, -0.4
	fit, err := Calibrate(made(2000, a, b), Replies{Live: 4000}, small, "2026-01-02", 0.75)
	if err != nil {
		t.Fatal(err)
	}
	k := fit.Calibration
	// With 2,000 answers the standard error of a is about 0.05, and of b too.
	if math.Abs(k.A-a) > 0.15 || math.Abs(k.B-b) > 0.15 {
		t.Errorf("a = %v, b = %v, want about %v and %v", k.A, k.B, a, b)
	}
	if fit.ECEWidth > 0.05 || fit.ECEMass > 0.05 || k.ECE != fit.ECEWidth {
		t.Errorf("ECE %v and %v, kept as %v", fit.ECEWidth, fit.ECEMass, k.ECE)
	}
	if fit.Brier >= 0.25 || fit.AUROC.Value < 0.6 {
		t.Errorf("Brier %v, AUROC %v", fit.Brier, fit.AUROC.Value)
	}
	if k.Cases != 2000 || k.Databases["shop"] != 2000 || k.Date != "2026-01-02" || k.Model != "small-1" || k.JudgeModel != "small-1" ||
		k.PromptVersion != answer.PromptVersion || k.Version != answer.CalibrationVersion {
		t.Errorf("%+v", k)
	}
	// At log-odds of 2.2 the most is 1/(1+exp(-0.92)) = 0.715, so no more than a few are that surely right.
	if p := fit.Proposal; p == nil || p.Target != 0.75 || p.Reached && p.Coverage.Share > 0.2 {
		t.Errorf("proposal %+v", p)
	}
	again, err := Calibrate(made(2000, a, b), Replies{Live: 4000}, small, "2026-01-02", 0)
	if err != nil || again.Calibration.A != k.A || again.Calibration.B != k.B || again.Brier != fit.Brier {
		t.Errorf("the same answers give %+v, %v", again, err)
	}
	if again.Proposal != nil {
		t.Errorf("a proposal that nobody asked for: %+v", again.Proposal)
	}
}

// What is reported is of answers that were not fitted to, which is worse than
// how well a fit does on its own answers.
func TestCalibrateIsCrossValidated(t *testing.T) {
	outcomes := made(120, 0.5, 0)
	fit, err := Calibrate(outcomes, Replies{Live: 240}, small, "2026-01-02", 0)
	if err != nil {
		t.Fatal(err)
	}
	var own []Item
	for _, o := range outcomes {
		i := o.Item()
		i.Confidence = fit.Calibration.Probability(o.Answer.Confidence.LogOdds, 1)
		own = append(own, i)
	}
	if fit.Brier <= brier(own) || fit.Brier > brier(own)+0.05 {
		t.Errorf("Brier %v, and %v on the answers of the fit", fit.Brier, brier(own))
	}
}

func TestCalibrateKeepsCeilings(t *testing.T) {
	outcomes := made(200, 1, 1)
	for i := range outcomes {
		outcomes[i].Answer.Confidence.Ceiling = 0.5
	}
	fit, err := Calibrate(outcomes, Replies{Live: 400}, small, "2026-01-02", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range fit.Bins {
		if b.High > 0.5 {
			t.Errorf("a probability of %v above the ceiling", b.High)
		}
	}
}

func TestCalibrateRefuses(t *testing.T) {
	good := made(200, 1, 0)
	set := func(edit func(*Outcome)) []Outcome {
		outcomes := made(200, 1, 0)
		for i := range outcomes {
			edit(&outcomes[i])
		}
		return outcomes
	}
	failed := made(200, 1, 0)
	failed[7] = Outcome{Err: errors.New("the model was busy")}
	for _, tt := range []struct {
		name     string
		outcomes []Outcome
		replies  Replies
		want     string
	}{
		{"none", nil, Replies{}, "questions that got an answer with a confidence are 0, and at least 100 are needed"},
		{"99", good[:99], Replies{Live: 198}, "questions that got an answer with a confidence are 99"},
		{"one by hand", good, Replies{Recorded: 399, Handwritten: 1}, "1 of the replies were written by hand"},
		{"a failure", failed, Replies{Live: 398}, "cases that could not be evaluated: 1"},
		{"all right", set(func(o *Outcome) { o.Match.Execution = true }), Replies{Live: 400}, "200 of 200 answers are right"},
		{"all wrong", set(func(o *Outcome) { o.Match.Execution = false }), Replies{Live: 400}, "0 of 200 answers are right"},
		{"the wrong way round", set(func(o *Outcome) { o.Answer.Confidence.LogOdds *= -10 }), Replies{Live: 400}, "wrong answers score as high"},
		{"no model asked", set(func(o *Outcome) { o.Answer.ModelCalls = 0 }), Replies{Live: 400}, "questions that got an answer with a confidence are 0"},
	} {
		if _, err := Calibrate(tt.outcomes, tt.replies, small, "2026-01-02", 0); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := Calibrate(good[:100], Replies{Recorded: 200}, small, "2026-01-02", 0); err != nil {
		t.Errorf("100 recorded answers: %v", err)
	}
}

func TestPlatt(t *testing.T) {
	// No samples: the prior alone.
	if a, b := platt(nil); a != 1 || b != 0 {
		t.Errorf("without samples a = %v, b = %v", a, b)
	}
	// One sample at log-odds 0 that is right: a keeps its prior, and b solves
	// b = 1 - 1/(1+exp(-b)), which is b = 0.401058.
	if a, b := platt([]sample{{0, 1, true}}); !near(a, 1) || math.Abs(b-0.401058) > 1e-5 {
		t.Errorf("one sample: a = %v, b = %v", a, b)
	}
	// Right above, wrong below, without overlap: a would grow without end but for the prior.
	var apart []sample
	for range 100 {
		apart = append(apart, sample{1, 1, true}, sample{-1, 1, false})
	}
	// By symmetry b = 0, and a - 1 = 200/(1+exp(a)): a = 3.9 gives 2.9 = 3.97, a = 4.1 gives 3.1 = 3.26,
	// a = 4.13 gives 3.13 = 3.16, a = 4.136 gives 3.136 = 3.146, a = 4.14 gives 3.14 = 3.13.
	if a, b := platt(apart); math.Abs(b) > 1e-9 || math.Abs(a-4.1385) > 2e-3 {
		t.Errorf("separable: a = %v, b = %v", a, b)
	}
}

package eval

import (
	"slices"
	"time"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/llm"
)

// A Report is what an evaluation found. All but the times is the same for the
// same replies and data.
type Report struct {
	Questions    int `json:"questions"` // that count: all but Failed
	Answerable   int `json:"answerable"`
	Unanswerable int `json:"unanswerable"`
	Failed       int `json:"failed"` // not evaluated, because a model or a database failed

	Model         string  `json:"model"`
	JudgeModel    string  `json:"judge_model"`
	PromptVersion int     `json:"prompt_version"`
	Replies       Replies `json:"replies"`
	Warning       string  `json:"warning,omitempty"` // why the numbers say nothing of a model

	Accuracy   Accuracy  `json:"accuracy"`
	Decision   Decision  `json:"at_threshold"`
	Confidence Quality   `json:"confidence"`
	Curve      []Point   `json:"risk_coverage"`
	Cost       Cost      `json:"cost"`
	Proposal   *Proposal `json:"proposal,omitempty"`
	Fit        *Fit      `json:"fit,omitempty"` // with --calibrate

	Cases []Judged `json:"cases"`
}

// Accuracy is how many answers are right, whatever their confidence: withheld
// ones count too. Of the answerable questions, but for Valid.
type Accuracy struct {
	Execution Rate            `json:"execution"`
	Strict    Rate            `json:"strict"`
	BIRD      Rate            `json:"bird"`
	Valid     Rate            `json:"valid"` // SQL that the guard and PostgreSQL took, of all that was written
	Databases map[string]Rate `json:"databases"`
}

// Quality is what the confidences are worth.
type Quality struct {
	AUROC        *Estimate `json:"auroc"` // nil: all are right, or none is
	AURC         *Estimate `json:"aurc"`  // nil: there are no questions
	Brier        float64   `json:"brier"`
	ECEWidth     float64   `json:"ece_equal_width"`
	ECEMass      float64   `json:"ece_equal_mass"`
	Width        []Bin     `json:"bins_equal_width"`
	Mass         []Bin     `json:"bins_equal_mass"`
	CoverageAt90 float64   `json:"coverage_at_90"` // the largest with 90 % of the answers right
	CoverageAt95 float64   `json:"coverage_at_95"`
}

// Cost is what the questions took.
type Cost struct {
	ModelCalls int       `json:"model_calls"`
	Usage      llm.Usage `json:"usage"`
	P50        float64   `json:"p50_ms"` // until an answer, in milliseconds
	P95        float64   `json:"p95_ms"`
}

// Verdict is what became of a case, in a word.
type Verdict string

// The verdicts.
const (
	Right         Verdict = "right"
	Wrong         Verdict = "wrong"
	WithheldRight Verdict = "withheld_right" // below the threshold, and it was right
	WithheldWrong Verdict = "withheld_wrong"
	Refused       Verdict = "refused"  // the guard or PostgreSQL did not take the SQL
	Declined      Verdict = "declined" // the model wrote no SQL
	Failed        Verdict = "failed"   // it counts nowhere
)

// A Judged is a case in a report.
type Judged struct {
	File       string   `json:"file"`
	Line       int      `json:"line"`
	Database   string   `json:"database"`
	Question   string   `json:"question"`
	Answerable bool     `json:"answerable"`
	Verdict    Verdict  `json:"verdict"`
	Reason     string   `json:"reason,omitempty"`
	Confidence *float64 `json:"confidence"` // null: no SQL ran
	Strict     bool     `json:"strict"`
	BIRD       bool     `json:"bird"`
	SQL        string   `json:"sql,omitempty"`
	ModelCalls int      `json:"model_calls"`
}

// warning is for reports that handwritten replies went into.
const warning = "Replies that were written by hand show that the program works; they are no evidence of how good a model is."

// NewReport reports on outcomes under the configuration that they were got with.
// A target of 0 proposes no threshold.
func NewReport(outcomes []Outcome, replies Replies, c *config.Config, target float64) *Report {
	r := &Report{
		Model: c.LLM.Model, JudgeModel: answer.JudgeModel(c.LLM), PromptVersion: answer.PromptVersion,
		Replies: replies, Cases: []Judged{},
	}
	if replies.Handwritten > 0 {
		r.Warning = warning
	}
	threshold := c.Answers.ConfidenceThreshold
	var items []Item
	var elapsed []time.Duration
	for i := range outcomes {
		o := &outcomes[i]
		r.Cases = append(r.Cases, judge(o, threshold))
		if o.Err != nil {
			r.Failed++
			continue
		}
		items = append(items, o.Item())
		elapsed = append(elapsed, o.Elapsed)
		if o.Answer != nil {
			r.Cost.ModelCalls += o.Answer.ModelCalls
			r.Cost.Usage.Add(o.Answer.Usage)
		}
	}
	r.Questions = len(items)
	r.Answerable = count(items, func(i Item) bool { return i.Answerable })
	r.Unanswerable = r.Questions - r.Answerable
	r.Accuracy = accuracy(outcomes, items)
	r.Decision = Decide(items, threshold)
	r.Confidence = quality(items)
	r.Curve = curve(items)
	r.Cost.P50, r.Cost.P95 = percentile(elapsed, 50), percentile(elapsed, 95)
	if target > 0 {
		p := propose(items, target)
		r.Proposal = &p
	}
	return r
}

func judge(o *Outcome, threshold float64) Judged {
	j := Judged{
		File: o.Case.File, Line: o.Case.Line, Database: o.Case.Database, Question: o.Case.Question,
		Answerable: !o.Case.Unanswerable, Reason: o.Reason, Strict: o.Match.Strict, BIRD: o.Match.BIRD,
	}
	if a := o.Answer; a != nil {
		j.SQL, j.ModelCalls = a.SQL, a.ModelCalls
		if a.Confidence != nil {
			j.Confidence = &a.Confidence.Score
		}
	}
	switch i := o.Item(); {
	case o.Err != nil:
		j.Verdict, j.Reason = Failed, o.Err.Error()
	case i.answered(threshold) && i.Right:
		j.Verdict = Right
	case i.answered(threshold):
		j.Verdict = Wrong
	case i.Right:
		j.Verdict = WithheldRight
	case i.Given:
		j.Verdict = WithheldWrong
	case i.Refused:
		j.Verdict = Refused
	default:
		j.Verdict = Declined
	}
	return j
}

func accuracy(outcomes []Outcome, items []Item) Accuracy {
	type tally struct{ right, of int }
	databases := map[string]tally{}
	var execution, strict, bird, of int
	for i := range outcomes {
		o := &outcomes[i]
		if o.Err != nil || o.Case.Unanswerable {
			continue
		}
		d := databases[o.Case.Database]
		of, d.of = of+1, d.of+1
		if o.Match.Execution {
			execution, d.right = execution+1, d.right+1
		}
		if o.Match.Strict {
			strict++
		}
		if o.Match.BIRD {
			bird++
		}
		databases[o.Case.Database] = d
	}
	ran := count(items, func(i Item) bool { return i.Given })
	refused := count(items, func(i Item) bool { return i.Refused })
	a := Accuracy{rate(execution, of), rate(strict, of), rate(bird, of), rate(ran, ran+refused), map[string]Rate{}}
	for name, d := range databases {
		a.Databases[name] = rate(d.right, d.of)
	}
	return a
}

func quality(items []Item) Quality {
	width, mass := equalWidth(items), equalMass(items)
	return Quality{
		AUROC: bootstrap(items, auroc), AURC: bootstrap(items, aurc),
		Brier: brier(items), ECEWidth: ece(width), ECEMass: ece(mass), Width: width, Mass: mass,
		CoverageAt90: propose(items, 0.90).Coverage.Share,
		CoverageAt95: propose(items, 0.95).Coverage.Share,
	}
}

// percentile is the smallest of the durations that at least p percent are not
// above, in milliseconds.
func percentile(durations []time.Duration, p int) float64 {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	n := (len(sorted)*p + 99) / 100
	return float64(sorted[n-1].Microseconds()) / 1000
}

package eval

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// TimeLine begins the one line of a printed report that differs each time.
const TimeLine = "time of a question"

// Text is the report for a person.
func (r *Report) Text() string {
	p := printer{}
	p.head(r)
	p.accuracy(r.Accuracy)
	p.decision(r.Decision)
	p.confidence(r.Confidence)
	p.curve(r.Curve)
	if r.Proposal != nil {
		p.proposal(*r.Proposal, "")
	}
	if r.Fit != nil {
		p.fit(r.Fit)
	}
	p.cost(r.Cost)
	p.cases(r.Cases)
	return p.b.String()
}

type printer struct{ b strings.Builder }

func (p *printer) line(format string, args ...any) {
	p.b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

func (p *printer) title(text string) { p.line("\n%s", text) }

// rate prints a rate: its name, the share, the counts and the interval.
func (p *printer) rate(name string, r Rate) {
	if r.Of == 0 {
		p.line("  %-24s      -   of none", name)
		return
	}
	p.line("  %-24s %s   %d of %d   95 %%: %s to %s", name, percent(r.Share), r.Hits, r.Of, strings.TrimSpace(percent(r.Low)), strings.TrimSpace(percent(r.High)))
}

func percent(share float64) string { return fmt.Sprintf("%5.1f %%", 100*share) }

func (p *printer) estimate(name string, e *Estimate) {
	if e == nil {
		p.line("  %-24s  not determined", name)
		return
	}
	p.line("  %-24s %7.3f   95 %%: %.3f to %.3f", name, e.Value, e.Low, e.High)
}

func (p *printer) head(r *Report) {
	p.line("%d questions, %d of them without an answer in the database", r.Questions, r.Unanswerable)
	if r.Failed > 0 {
		p.line("%d more could not be evaluated and count nowhere, see below", r.Failed)
	}
	p.line("model %s, judge %s, prompt version %d", r.Model, r.JudgeModel, r.PromptVersion)
	p.line("model replies: %d live, %d recorded, %d written by hand", r.Replies.Live, r.Replies.Recorded, r.Replies.Handwritten)
	if r.Warning != "" {
		p.line("%s", r.Warning)
	}
}

func (p *printer) accuracy(a Accuracy) {
	p.title("Right answers, withheld ones too")
	p.rate("execution accuracy", a.Execution)
	if len(a.Databases) > 1 {
		for _, name := range slices.Sorted(maps.Keys(a.Databases)) {
			p.rate("  on "+name, a.Databases[name])
		}
	}
	p.rate("strict", a.Strict)
	p.rate("as BIRD counts", a.BIRD)
	p.rate("SQL that ran", a.Valid)
}

func (p *printer) decision(d Decision) {
	p.title(fmt.Sprintf("At the threshold of %.3g", d.Threshold))
	p.rate("answered", d.Coverage)
	p.rate("right, of those", d.Accuracy)
	p.rate("due, of abstentions", d.AbstentionPrecision)
	p.rate("made, of those due", d.AbstentionRecall)
	var scores []string
	for _, s := range d.Reliability {
		scores = append(scores, fmt.Sprintf("RS(%d) %.3f", s.K, s.Score))
	}
	p.line("  %-24s %s", "reliability", strings.Join(scores, "   "))
}

func (p *printer) confidence(q Quality) {
	p.title("Confidence")
	p.estimate("AUROC", q.AUROC)
	p.estimate("AURC", q.AURC)
	p.line("  %-24s %7.3f", "Brier", q.Brier)
	p.line("  %-24s %7.3f   equal width; %.3f equal mass", "ECE", q.ECEWidth, q.ECEMass)
	p.line("  %-24s %s   %s at 95 %%", "coverage at 90 % right", percent(q.CoverageAt90), strings.TrimSpace(percent(q.CoverageAt95)))
	p.bins(q.Mass)
}

func (p *printer) bins(groups []Bin) {
	p.line("  %-16s  questions   mean  right", "confidence")
	for _, b := range groups {
		p.line("  %.3f to %.3f    %9d  %.3f  %.3f", b.Low, b.High, b.Count, b.Confidence, b.Accuracy)
	}
}

func (p *printer) curve(points []Point) {
	p.title("Risk and coverage")
	p.line("  threshold  answered    right")
	for _, x := range points {
		if x.Threshold > 0 { // nobody answers a question that has no answer
			p.line("      %.3f   %s  %s", x.Threshold, percent(x.Coverage), percent(x.Accuracy))
		}
	}
}

func (p *printer) proposal(x Proposal, kind string) {
	p.title(fmt.Sprintf("Proposal for %s of the answers right%s", strings.TrimSpace(percent(x.Target)), kind))
	if !x.Reached {
		p.line("  no threshold reaches that")
		return
	}
	p.line("  answers: confidence_threshold: %.3g", x.Threshold)
	p.rate("answered", x.Coverage)
	p.rate("right, of those", x.Accuracy)
	p.line("  It was chosen on these questions, so expect somewhat less on others.")
}

func (p *printer) fit(f *Fit) {
	k := f.Calibration
	p.title(fmt.Sprintf("Calibration on %d answers, cross-validated", k.Cases))
	p.line("  %-24s a = %.3f, b = %.3f", "of the log-odds", k.A, k.B)
	p.estimate("AUROC", f.AUROC)
	p.line("  %-24s %7.3f", "Brier", f.Brier)
	p.line("  %-24s %7.3f   equal width; %.3f equal mass", "ECE", f.ECEWidth, f.ECEMass)
	p.line("  %-24s %s", "coverage at 90 % right", percent(k.CoverageAt90))
	p.bins(f.Bins)
	if f.Proposal != nil {
		p.proposal(*f.Proposal, ", calibrated")
	}
}

func (p *printer) cost(c Cost) {
	p.title("Cost")
	p.line("  %-24s %d", "model calls", c.ModelCalls)
	p.line("  %-24s %d in, %d of them cached, %d out", "tokens", c.Usage.Prompt, c.Usage.Cached, c.Usage.Completion)
	p.line("  %-24s p50 %.1f ms, p95 %.1f ms", TimeLine, c.P50, c.P95)
}

// cases prints the cases that did not go as they should.
func (p *printer) cases(all []Judged) {
	began := false
	for _, j := range all {
		if j.Verdict == Right || j.Verdict == Declined && !j.Answerable {
			continue
		}
		if !began {
			p.title("What was not right, or not answered")
			began = true
		}
		what := strings.ReplaceAll(string(j.Verdict), "_", ", ")
		if j.Confidence != nil {
			what += fmt.Sprintf(" %.3f", *j.Confidence)
		}
		// An error can show a difference in many lines.
		if reason, _, _ := strings.Cut(j.Reason, "\n"); reason != "" {
			what += " (" + reason + ")"
		}
		p.line("  %s:%d: %s: %s", j.File, j.Line, what, j.Question)
	}
}

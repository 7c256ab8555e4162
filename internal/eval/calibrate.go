package eval

import (
	"errors"
	"fmt"
	"math"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/config"
)

// A Fit is a calibration, and what cross-validation says of it: each answer's
// probability is from a calibration that was fitted without that answer.
type Fit struct {
	Calibration *answer.Calibration `json:"calibration"`
	Brier       float64             `json:"brier"`
	ECEWidth    float64             `json:"ece_equal_width"`
	ECEMass     float64             `json:"ece_equal_mass"`
	AUROC       *Estimate           `json:"auroc"`
	Bins        []Bin               `json:"bins"` // of equal mass
	Proposal    *Proposal           `json:"proposal,omitempty"`
}

// A sample is an answer to calibrate on.
type sample struct {
	logOdds, ceiling float64
	right            bool
}

// folds is how many parts cross-validation makes of the answers.
const folds = 5

// Calibrate fits a calibration to outcomes, all of answers by the model of c. It
// refuses fewer answers than answer.MinCalibration, any reply that was written
// by hand, and scores that do not tell right answers from wrong ones. The date
// is that of the day, as YYYY-MM-DD; a target of 0 proposes no threshold.
func Calibrate(outcomes []Outcome, replies Replies, c *config.LLM, date string, target float64) (*Fit, error) {
	var samples []sample
	var items []Item // of the same questions, and of those without an answer
	var at []int     // where the item of each sample is
	databases := map[string]int{}
	right, failed := 0, 0
	for i := range outcomes {
		o := &outcomes[i]
		if o.Err != nil {
			failed++
			continue
		}
		item := o.Item()
		if item.Given && o.Answer.ModelCalls > 0 { // without a call, no model's work
			at = append(at, len(items))
			samples = append(samples, sample{o.Answer.Confidence.LogOdds, o.Answer.Confidence.Ceiling, item.Right})
			databases[o.Answer.Database]++
			if item.Right {
				right++
			}
		}
		items = append(items, item)
	}
	switch n := len(samples); {
	case replies.Handwritten > 0:
		return nil, fmt.Errorf("%d of the replies were written by hand: they are no evidence of how often a model is right", replies.Handwritten)
	case failed > 0:
		return nil, fmt.Errorf("cases that could not be evaluated: %d", failed)
	case n < answer.MinCalibration:
		return nil, fmt.Errorf("questions that got an answer with a confidence are %d, and at least %d are needed", n, answer.MinCalibration)
	case right == 0 || right == n:
		return nil, fmt.Errorf("%d of %d answers are right: there is nothing to tell apart", right, n)
	}

	a, b := platt(samples)
	if a <= 0 {
		return nil, errors.New("wrong answers score as high as right ones: no calibration can mend that")
	}
	for fold := range folds {
		var others []sample
		for i, s := range samples {
			if i%folds != fold {
				others = append(others, s)
			}
		}
		var k answer.Calibration
		k.A, k.B = platt(others)
		for i, s := range samples {
			if i%folds == fold {
				items[at[i]].Confidence = k.Probability(s.logOdds, s.ceiling)
			}
		}
	}
	given := make([]Item, 0, len(at))
	for _, i := range at {
		given = append(given, items[i])
	}
	f := &Fit{
		Calibration: &answer.Calibration{
			Version: answer.CalibrationVersion, Date: date, Cases: len(samples), Databases: databases,
			Model: c.Model, JudgeModel: answer.JudgeModel(c), PromptVersion: answer.PromptVersion,
			A: a, B: b,
			ECE:          ece(equalWidth(given)),
			Accuracy:     float64(right) / float64(len(samples)),
			CoverageAt90: propose(items, 0.9).Coverage.Share,
		},
		Brier:    brier(given),
		ECEWidth: ece(equalWidth(given)),
		ECEMass:  ece(equalMass(given)),
		AUROC:    bootstrap(given, auroc),
		Bins:     equalMass(given),
	}
	if target > 0 {
		p := propose(items, target)
		f.Proposal = &p
	}
	return f, nil
}

// platt fits the a and b with which 1/(1+exp(-(a*logOdds+b))) says best how
// likely each sample is right: a logistic regression by Newton's method. A
// normal prior of variance 1 pulls towards the score as it was set by hand, a = 1
// and b = 0: few or separable samples give no extreme, and there is exactly one
// solution.
func platt(samples []sample) (a, b float64) {
	loss := func(a, b float64) float64 {
		sum := ((a-1)*(a-1) + b*b) / 2
		for _, s := range samples {
			z := a*s.logOdds + b
			if s.right {
				z = -z
			}
			sum += math.Max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) // log(1+exp(z))
		}
		return sum
	}
	a, b = 1, 0
	for range 100 {
		// The gradient and the Hessian of the loss.
		ga, gb, haa, hab, hbb := a-1, b, 1.0, 0.0, 1.0
		for _, s := range samples {
			p := 1 / (1 + math.Exp(-(a*s.logOdds + b)))
			miss, w := p, p*(1-p)
			if s.right {
				miss--
			}
			ga += miss * s.logOdds
			gb += miss
			haa += w * s.logOdds * s.logOdds
			hab += w * s.logOdds
			hbb += w
		}
		det := haa*hbb - hab*hab
		da, db := (hbb*ga-hab*gb)/det, (haa*gb-hab*ga)/det
		step, now := 1.0, loss(a, b)
		for step > 1e-9 && loss(a-step*da, b-step*db) > now {
			step /= 2
		}
		a, b = a-step*da, b-step*db
		if math.Abs(step*da)+math.Abs(step*db) < 1e-9 {
			break
		}
	}
	return a, b
}

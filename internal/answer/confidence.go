package answer

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/pgmcp/pgmcp/internal/call"
)

// A doubt is one thing that speaks against an answer.
type doubt struct {
	weight float64 // what it takes off the log-odds; at least 0
	cap    float64 // what the score is at most with it, whatever else holds
	reason string
}

// confident is the log-odds of an answer that nothing speaks against. It and all
// weights are set by hand.
const confident = 2.2

// score is the confidence that is left with these doubts, not calibrated. Another
// doubt never raises it, because weights only add up and the lowest cap counts.
func score(doubts []doubt) *Confidence {
	c := &Confidence{Label: "uncalibrated"}
	c.LogOdds, c.Ceiling = confident, 1
	for _, d := range doubts {
		c.LogOdds -= d.weight
		c.Ceiling = min(c.Ceiling, d.cap)
		c.Reasons = append(c.Reasons, d.reason)
	}
	c.Reasons = append(c.Reasons, uncalibrated.reason)
	c.Score = rounded(min(1/(1+math.Exp(-c.LogOdds)), c.Ceiling, uncalibrated.cap))
	return c
}

// rounded is a score to three digits.
func rounded(p float64) float64 { return math.Round(p*1000) / 1000 }

var (
	// uncalibrated holds until a Calibration is applied: no measurement stands
	// behind the weights.
	uncalibrated = doubt{cap: 0.85, reason: "the score is not calibrated, so it is at most 0.85"}

	// unexamined is for an answer that was not to be examined.
	unexamined = doubt{cap: 0.70, reason: "answers.max_model_calls left no call to examine the answer"}
)

// mended is for SQL that was not right at once: what made it run is not
// necessarily what was wanted.
func mended(attempts int) []doubt {
	if attempts == 0 {
		return nil
	}
	times := "once"
	if attempts > 1 {
		times = fmt.Sprintf("%d times", attempts)
	}
	return []doubt{{0.4 * float64(attempts), 1, "the SQL had to be mended " + times}}
}

// lower is the one of two confidences that has the lower score, the first where
// they are equal.
func lower(a, b *Confidence) *Confidence {
	if b.Score < a.Score {
		return b
	}
	return a
}

// notExamined is for an answer that should have been examined and was not. It
// weighs more than unexamined: an examination that can be made to fail must not
// be a way round it.
func notExamined(err error) doubt {
	why := "internal error" // which the chain has logged
	limit, _ := errors.AsType[*call.LimitError](err)
	open, _ := errors.AsType[*call.OpenError](err)
	own, _ := errors.AsType[*Error](err)
	switch {
	case limit != nil:
		why = fmt.Sprintf("%s; there is room in %s", limit, limit.RetryAfter.Round(time.Millisecond))
	case open != nil:
		why = fmt.Sprintf("the model fails again and again and is not asked for %s", open.RetryAfter.Round(time.Millisecond))
	case own != nil:
		why = plain(own.Message, 300)
	}
	return doubt{cap: 0.50, reason: "the answer could not be examined: " + why}
}

// doubts are what a verdict holds against an answer.
func (v *verdict) doubts() []doubt {
	var out []doubt
	for _, item := range []struct {
		grade grade
		good  string
	}{
		{v.Intent, "the SQL answers the question that was asked"},
		{v.Columns, "the result has what was asked for"},
		{v.FiltersAll, "every condition of the question is in the SQL"},
		{v.FiltersRight, "the conditions in the SQL are right"},
		{v.Joins, "the joins are right"},
		{v.Grain, "each thing is counted once, at the right level"},
		{v.TimeWindow, "the period is the one that was asked for"},
		{v.Verdict, "the answer is right"},
	} {
		switch item.grade {
		case "yes":
		case "unclear":
			out = append(out, doubt{0.7, 1, fmt.Sprintf("the judge doubts that %s", item.good)})
		default:
			out = append(out, doubt{2.0, 0.45, fmt.Sprintf("the judge denies that %s", item.good)})
		}
	}
	switch v.Ambiguity {
	case "none":
	case "minor":
		out = append(out, doubt{0.5, 1, "the question can be read in another way"})
	default:
		out = append(out, doubt{1.5, 0.50, "the question can as well be read in another way"})
	}
	return out
}

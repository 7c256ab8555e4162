package answer

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
)

// good is the verdict on an answer that nothing is wrong with.
func good() *verdict {
	return &verdict{ReadsAs: "How many orders are there?", Intent: "yes", Columns: "yes", FiltersAll: "yes", FiltersRight: "yes",
		Joins: "yes", Grain: "yes", TimeWindow: "yes", Ambiguity: "none", Verdict: "yes"}
}

// allChecks has each check do what is named in the schema as its default.
func allChecks() config.Checks {
	return config.Checks{Empty: "cap", AllNull: "cap", SingleZero: "warn", CapHit: "cap", UngroundedLiteral: "cap", Cartesian: "cap",
		FanOut: "cap", LimitWithoutOrder: "warn", TimeDependent: "warn", NoFilter: "cap"}
}

func (s shape) doubts() []doubt {
	_, doubts := evidence{looks: s}.check(allChecks())
	return doubts
}

func TestScore(t *testing.T) {
	full := shape{rows: 3, nulls: []int{0, 1}}
	tests := []struct {
		name  string
		set   func(*verdict)
		shape shape
		want  float64
	}{
		{"nothing against it", func(*verdict) {}, full, 0.85},
		{"one thing unclear", func(v *verdict) { v.Joins = "unclear" }, full, 0.818},
		{"two unclear", func(v *verdict) { v.Joins, v.Grain = "unclear", "unclear" }, full, 0.69},
		{"three unclear", func(v *verdict) { v.Joins, v.Grain, v.Columns = "unclear", "unclear", "unclear" }, full, 0.525},
		{"all unclear", func(v *verdict) {
			v.Intent, v.Columns, v.FiltersAll, v.FiltersRight = "unclear", "unclear", "unclear", "unclear"
			v.Joins, v.Grain, v.TimeWindow, v.Verdict = "unclear", "unclear", "unclear", "unclear"
		}, full, 0.032},
		{"one thing wrong", func(v *verdict) { v.FiltersRight = "no" }, full, 0.45},
		{"two wrong", func(v *verdict) { v.FiltersRight, v.Verdict = "no", "no" }, full, 0.142},
		{"a verdict of no", func(v *verdict) { v.Verdict = "no" }, full, 0.45},
		{"minor ambiguity", func(v *verdict) { v.Ambiguity = "minor" }, full, 0.846},
		{"major ambiguity", func(v *verdict) { v.Ambiguity = "major" }, full, 0.5},
		{"no rows", func(*verdict) {}, shape{nulls: []int{0}}, 0.5},
		{"only NULL", func(*verdict) {}, shape{rows: 2, nulls: []int{2, 2}}, 0.5},
		{"a zero", func(*verdict) {}, shape{rows: 1, nulls: []int{0}, zero: true}, 0.818},
		{"cut off", func(*verdict) {}, shape{rows: 9, nulls: []int{0}, truncated: "rows"}, 0.6},
		{"cut off and a doubt", func(v *verdict) { v.Joins, v.Columns = "unclear", "unclear" }, shape{rows: 9, nulls: []int{0}, truncated: "bytes"}, 0.574},
	}
	for _, tt := range tests {
		v := good()
		tt.set(v)
		if c := score(append(v.doubts(), tt.shape.doubts()...)); c.Score != tt.want {
			t.Errorf("%s: %v, want %v: %q", tt.name, c.Score, tt.want, c.Reasons)
		}
	}

	if c := score(mended(1)); c.Score != 0.85 || math.Abs(c.LogOdds-1.8) > 1e-9 || c.Reasons[0] != "the SQL had to be mended once" {
		t.Errorf("mended: %v, log-odds %v, %q", c.Score, c.LogOdds, c.Reasons)
	}
	if c := score(mended(3)); c.Score != 0.731 || c.Reasons[0] != "the SQL had to be mended 3 times" {
		t.Errorf("mended: %v %q", c.Score, c.Reasons)
	}
	if c := score([]doubt{unexamined}); c.Score != 0.7 {
		t.Errorf("not examined: %v", c.Score)
	}
	for want, err := range map[string]error{
		"too many calls in a short time: model m; there is room in 1.5s": &call.LimitError{What: "model m", RetryAfter: 1500 * time.Millisecond},
		"the model fails again and again and is not asked for 8s":        &call.OpenError{Cause: errors.New("x"), RetryAfter: 8 * time.Second},
		"internal error": errors.New("x"),
	} {
		if got := notExamined(err).reason; got != "the answer could not be examined: "+want {
			t.Errorf("%v: %s", err, got)
		}
	}
	if c := score([]doubt{notExamined(&Error{Message: "it\nbroke"})}); c.Score != 0.5 || c.Reasons[0] != "the answer could not be examined: it broke" {
		t.Errorf("examination failed: %v %q", c.Score, c.Reasons)
	}
}

func TestReasons(t *testing.T) {
	v := good()
	v.Joins, v.Grain, v.Ambiguity = "unclear", "no", "minor"
	want := &Confidence{
		Score: 0.154, Label: "uncalibrated",
		Reasons: []string{
			"the judge doubts that the joins are right",
			"the judge denies that each thing is counted once, at the right level",
			"the question can be read in another way",
			"the result is a single zero",
			"the score is not calibrated, so it is at most 0.85",
		},
		LogOdds: confident - 0.7 - 2 - 0.5 - 0.7, Ceiling: 0.45,
	}
	if d := cmp.Diff(want, score(append(v.doubts(), shape{rows: 1, nulls: []int{0}, zero: true}.doubts()...)), cmpopts.EquateApprox(0, 1e-9)); d != "" {
		t.Errorf("confidence (-want +got):\n%s", d)
	}
}

// Another doubt never raises a score, and neither does a worse grade. This is
// so for every doubt there is, on top of any others.
func TestScoreNeverRises(t *testing.T) {
	fields := func(v *verdict) []*grade {
		return []*grade{&v.Intent, &v.Columns, &v.FiltersAll, &v.FiltersRight, &v.Joins, &v.Grain, &v.TimeWindow, &v.Verdict}
	}
	grades, ambiguities := []grade{"yes", "unclear", "no"}, []string{"none", "minor", "major"}
	worst := verdict{Ambiguity: "major"}
	for _, g := range fields(&worst) {
		*g = "no"
	}
	unclear := verdict{Ambiguity: "minor"}
	for _, g := range fields(&unclear) {
		*g = "unclear"
	}
	all := slices.Concat(worst.doubts(), unclear.doubts(), mended(1), mended(2), []doubt{unexamined, uncalibrated, notExamined(&Error{})})
	for _, k := range checks {
		all = append(all, doubt{k.weight, 1, k.name}, doubt{k.weight, k.cap, k.name})
	}
	if len(all) != 9+9+2+3+2*11 {
		t.Fatalf("%d doubts: does one lack?", len(all))
	}

	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		v := good()
		for _, g := range fields(v) {
			*g = grades[max(0, random.IntN(15)-12)] // mostly good, so that caps decide too
		}
		v.Ambiguity = ambiguities[max(0, random.IntN(6)-3)]
		var others []doubt
		for _, d := range all {
			if random.IntN(12) == 0 {
				others = append(others, d)
			}
		}
		before := score(append(v.doubts(), others...))
		if before.Score < 0 || before.Score > 0.85 || len(before.Reasons) == 0 {
			t.Fatalf("score %v, reasons %q", before.Score, before.Reasons)
		}
		extra := all[random.IntN(len(all))]
		if after := score(append(append(v.doubts(), others...), extra)); after.Score > before.Score {
			t.Fatalf("%q raised %v to %v", extra.reason, before.Score, after.Score)
		}
		worse := *v
		for i, g := range fields(&worse) {
			if *g != "no" && random.IntN(2) == 0 {
				*g = grades[slices.Index(grades, *fields(v)[i])+1]
			}
		}
		if worse.Ambiguity != "major" {
			worse.Ambiguity = ambiguities[slices.Index(ambiguities, worse.Ambiguity)+1]
		}
		if after := score(append(worse.doubts(), others...)); after.Score > before.Score {
			t.Fatalf("%+v scores %v, and %+v, which is worse, %v", *v, before.Score, worse, after.Score)
		}
	}
}

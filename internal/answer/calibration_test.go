package answer

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/config"
)

// measured is a calibration that the tests change.
func measured() *Calibration {
	return &Calibration{
		Version: CalibrationVersion, Date: "2026-01-02", Cases: 120, Databases: map[string]int{"library": 120},
		Model: "small-1", JudgeModel: "large-1", PromptVersion: PromptVersion,
		A: 2, B: -1, ECE: 0.05, Accuracy: 0.7, CoverageAt90: 0.4,
	}
}

func TestCalibrationFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calibration.json")
	if err := measured().Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadCalibration(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(measured(), got); d != "" {
		t.Errorf("read (-written +read):\n%s", d)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, replacement, want string }{
		{`"version": 1`, `"version": 2`, "it is of version 2, and this pgmcp wants 1"},
		{`"cases": 120`, `"cases": 99`, "it is fitted to 99 answers, and at least 100 are needed"},
		{`"a": 2`, `"a": 0`, "more doubts would not mean less confidence"},
		{`"a": 2`, `"a": 1e999`, "1e999"},
		{`"a": 2`, `"slope": 2`, "unknown field"},
		{"}\n", "}\n{}", "text after the JSON object"},
		{"{\n", "", "read calibration"},
	} {
		text := strings.Replace(string(written), tt.old, tt.replacement, 1)
		if text == string(written) {
			t.Fatalf("there is no %q in %s", tt.old, written)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadCalibration(path); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q for %q: %v, want %q", tt.replacement, tt.old, err, tt.want)
		}
	}
}

func TestCalibrationFits(t *testing.T) {
	for _, tt := range []struct {
		edit func(*Calibration)
		llm  *config.LLM
		want string // empty: it fits
	}{
		{func(*Calibration) {}, &config.LLM{Model: "small-1", JudgeModel: "large-1"}, ""},
		{func(k *Calibration) { k.JudgeModel = "small-1" }, &config.LLM{Model: "small-1"}, ""},
		{func(*Calibration) {}, nil, "no model is configured"},
		{func(*Calibration) {}, &config.LLM{Model: "small-2", JudgeModel: "large-1"}, `of model "small-1", and the configuration names "small-2"`},
		{func(*Calibration) {}, &config.LLM{Model: "small-1"}, `of judge model "large-1", and the configuration names "small-1"`},
		{func(k *Calibration) { k.PromptVersion++ }, &config.LLM{Model: "small-1", JudgeModel: "large-1"}, "of prompt version"},
	} {
		k := measured()
		tt.edit(k)
		err := k.Fits(tt.llm)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: %v, want %q", tt.llm, err, tt.want)
		}
	}
}

func TestCalibrated(t *testing.T) {
	tests := []struct {
		doubts   []doubt
		database string
		score    float64
		label    string
	}{
		// 2*2.2 - 1 = 3.4, and 1/(1+exp(-3.4)) = 0.9677: above what is possible without calibration.
		{nil, "library", 0.968, "calibrated"},
		// 2*(2.2-0.7) - 1 = 2, and 1/(1+exp(-2)) = 0.8808.
		{[]doubt{{0.7, 1, "a doubt"}}, "library", 0.881, "calibrated"},
		// 2*(2.2-2) - 1 = -0.6, and 1/(1+exp(0.6)) = 0.3543.
		{[]doubt{{2, 0.45, "a denial"}}, "library", 0.354, "calibrated"},
		// A ceiling holds: 1/(1+exp(-3.4)) would be above it.
		{[]doubt{unexamined}, "library", 0.7, "calibrated"},
		// Nothing was measured there.
		{nil, "museum", 0.85, "uncalibrated"},
	}
	for _, tt := range tests {
		c := score(tt.doubts)
		measured().apply(c, tt.database)
		if c.Score != tt.score || c.Label != tt.label {
			t.Errorf("%v in %s: %v %s, want %v %s", tt.doubts, tt.database, c.Score, c.Label, tt.score, tt.label)
		}
		want := "the score is calibrated on 120 answers of 2026-01-02"
		if last := c.Reasons[len(c.Reasons)-1]; (last == want) != (tt.label == "calibrated") {
			t.Errorf("%v: its last reason is %q", tt.doubts, last)
		}
	}
}

// Another doubt never raises a calibrated score either.
func TestCalibratedNeverRises(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		k := measured()
		k.A, k.B = math.Exp(random.NormFloat64()), 2*random.NormFloat64()
		var doubts []doubt
		for range random.IntN(5) {
			doubts = append(doubts, doubt{random.Float64() * 2, 0.3 + 0.7*random.Float64(), "a doubt"})
		}
		before, after := score(doubts), score(append(slices.Clone(doubts), doubt{random.Float64() * 2, random.Float64(), "another"}))
		k.apply(before, "library")
		k.apply(after, "library")
		if after.Score > before.Score {
			t.Fatalf("a=%v b=%v: another doubt raised %v to %v", k.A, k.B, before.Score, after.Score)
		}
	}
}

func TestHighest(t *testing.T) {
	examined := &config.Config{Answers: config.Answers{MaxModelCalls: 2}}
	unexamined := &config.Config{Answers: config.Answers{MaxModelCalls: 1}}
	for _, tt := range []struct {
		config   *config.Config
		k        *Calibration
		database string
		want     float64
	}{
		{examined, nil, "library", 0.85},
		{unexamined, nil, "library", 0.7},
		{examined, measured(), "library", 0.968},
		{unexamined, measured(), "library", 0.7},
		{examined, measured(), "museum", 0.85},
	} {
		if got := Highest(tt.config, tt.k, tt.database); got != tt.want {
			t.Errorf("max_model_calls %d, database %s: %v, want %v", tt.config.Answers.MaxModelCalls, tt.database, got, tt.want)
		}
	}
}

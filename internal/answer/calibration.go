package answer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/pgmcp/pgmcp/internal/config"
)

// A Calibration makes probabilities of scores: it was fitted to answers that were
// found right or wrong. It holds for the databases, models and prompts that those
// answers were of.
type Calibration struct {
	Version       int            `json:"version"` // of this form and of the weights behind the log-odds
	Date          string         `json:"date"`    // YYYY-MM-DD
	Cases         int            `json:"cases"`   // answers that it was fitted to
	Databases     map[string]int `json:"databases"`
	Model         string         `json:"model"`
	JudgeModel    string         `json:"judge_model"`
	PromptVersion int            `json:"prompt_version"`

	// The probability is 1/(1+exp(-(A*log-odds + B))); A is above 0.
	A float64 `json:"a"`
	B float64 `json:"b"`

	// What it achieved on answers that it was not fitted to, by cross-validation.
	ECE          float64 `json:"ece"` // in ten bins of equal width
	Accuracy     float64 `json:"accuracy"`
	CoverageAt90 float64 `json:"coverage_at_90"` // of all questions, with 90 % of the answers right
}

// CalibrationVersion is raised when the form of a calibration file changes, or
// the weights of doubts: log-odds of other weights mean something else.
const CalibrationVersion = 1

// MinCalibration is how many answers a calibration is fitted to at least.
const MinCalibration = 100

// ReadCalibration reads a calibration file.
func ReadCalibration(path string) (*Calibration, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read calibration: %w", err)
	}
	var k Calibration
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&k); err != nil {
		return nil, fmt.Errorf("read calibration: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read calibration: text after the JSON object")
	}
	switch finite := !math.IsInf(k.A, 0) && !math.IsInf(k.B, 0); {
	case k.Version != CalibrationVersion:
		return nil, fmt.Errorf("read calibration: it is of version %d, and this pgmcp wants %d", k.Version, CalibrationVersion)
	case k.Cases < MinCalibration:
		return nil, fmt.Errorf("read calibration: it is fitted to %d answers, and at least %d are needed", k.Cases, MinCalibration)
	case !finite || k.A <= 0:
		return nil, fmt.Errorf("read calibration: with a = %v and b = %v more doubts would not mean less confidence", k.A, k.B)
	}
	return &k, nil
}

// Write writes k to a file.
func (k *Calibration) Write(path string) error {
	b, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return fmt.Errorf("write calibration: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write calibration: %w", err)
	}
	return nil
}

// Fits says why k is not for the models of c or for these prompts, or nil.
func (k *Calibration) Fits(c *config.LLM) error {
	switch {
	case c == nil:
		return errors.New("no model is configured that could be calibrated")
	case k.Model != c.Model:
		return fmt.Errorf("it is of model %q, and the configuration names %q", k.Model, c.Model)
	case k.JudgeModel != JudgeModel(c):
		return fmt.Errorf("it is of judge model %q, and the configuration names %q", k.JudgeModel, JudgeModel(c))
	case k.PromptVersion != PromptVersion:
		return fmt.Errorf("it is of prompt version %d, and this pgmcp has %d", k.PromptVersion, PromptVersion)
	}
	return nil
}

// LoadCalibration reads the calibration that c names, and checks that it fits.
// Nil means that c names none.
func LoadCalibration(c *config.Config) (*Calibration, error) {
	if c.Answers.Calibration == "" {
		return nil, nil
	}
	k, err := ReadCalibration(c.Answers.Calibration)
	if err != nil {
		return nil, err
	}
	if err := k.Fits(c.LLM); err != nil {
		return nil, fmt.Errorf("calibration %s: %w; run \"pgmcp eval --calibrate\" anew", c.Answers.Calibration, err)
	}
	return k, nil
}

// Probability is the score of an answer with these log-odds. The ceiling of its
// doubts holds as ever: no measurement lifts a single answer above it.
func (k *Calibration) Probability(logOdds, ceiling float64) float64 {
	return min(1/(1+math.Exp(-(k.A*logOdds+k.B))), ceiling)
}

// apply makes c a calibrated confidence, if k was measured on the database. A nil
// k was measured nowhere.
func (k *Calibration) apply(c *Confidence, database string) {
	if k == nil || k.Databases[database] == 0 {
		return
	}
	c.Score = rounded(k.Probability(c.LogOdds, c.Ceiling))
	c.Label = "calibrated"
	for i, reason := range c.Reasons {
		if reason == uncalibrated.reason {
			c.Reasons[i] = fmt.Sprintf("the score is calibrated on %d answers of %s", k.Cases, k.Date)
		}
	}
}

// Highest is the highest confidence that an answer of a model can have in a
// database. A nil k means that nothing is calibrated.
func Highest(c *config.Config, k *Calibration, database string) float64 {
	ceiling := 1.0
	if c.Answers.MaxModelCalls < 2 {
		ceiling = unexamined.cap
	}
	if k == nil || k.Databases[database] == 0 {
		return min(ceiling, uncalibrated.cap)
	}
	return rounded(k.Probability(confident, ceiling))
}

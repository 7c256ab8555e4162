package eval

import (
	"strings"
	"testing"
)

// The text of a report has the calibration that came of it, and the thresholds
// that are proposed for confidences before and after it, if one was asked for.
func TestReportOfCalibration(t *testing.T) {
	outcomes := made(200, 1, 0)
	for _, tt := range []struct {
		target float64
		lines  []string
	}{
		{0, []string{"\nCalibration on 200 answers, cross-validated\n"}},
		{1, []string{
			"\nProposal for 100.0 % of the answers right\n  no threshold reaches that\n",
			"\nCalibration on 200 answers, cross-validated\n",
			"\nProposal for 100.0 % of the answers right, calibrated\n  answers: confidence_threshold: 0.",
		}},
	} {
		r := NewReport(outcomes, Replies{Recorded: 400}, configured, tt.target)
		var err error
		if r.Fit, err = Calibrate(outcomes, Replies{Recorded: 400}, small, "2026-01-02", tt.target); err != nil {
			t.Fatal(err)
		}
		text, _, _ := strings.Cut(r.Text(), "\nWhat was not right")
		for _, line := range tt.lines {
			if !strings.Contains(text, line) {
				t.Errorf("with the target %v there is no %q in\n%s", tt.target, line, text)
			}
		}
		if tt.target == 0 && strings.Contains(text, "Proposal") {
			t.Errorf("a proposal that nobody asked for:\n%s", text)
		}
	}
}

package cli

import (
	"strings"
	"testing"
)

// A threshold is warned of if no answer can reach it.
func TestThresholdWithinReach(t *testing.T) {
	for answers, want := range map[string]string{
		`answers: confidence_threshold: 0.85`:                       "",
		`answers: confidence_threshold: 0.86`:                       "reaches at most 0.85 here",
		`answers: {confidence_threshold: 0.7, max_model_calls: 1}`:  "",
		`answers: {confidence_threshold: 0.75, max_model_calls: 1}`: "reaches at most 0.7 here",
	} {
		files := map[string]string{"config.cue": `databases: shop: url: env: "SHOP_URL"
llm: model: "small-1"
` + answers}
		code, stdout, stderr := run(t, files, "vet", "DIR/config.cue")
		if code != 0 || strings.Contains(stdout, "warning") != (want != "") || !strings.Contains(stdout, want) || stderr != "" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q, want %q", answers, code, stdout, stderr, want)
		}
	}
}

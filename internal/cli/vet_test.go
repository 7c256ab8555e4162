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
		for format, said := range map[string][2]string{
			"text": {"", "warning: "},
			"json": {`{"valid":true,"databases":1,"problems":[]}`, `"warning":true`},
		} {
			shown := said[0]
			if want != "" {
				shown = said[1]
			}
			code, stdout, stderr := run(t, files, "vet", "DIR/config.cue", "--format", format)
			if code != 0 || strings.Contains(stdout, "warning") != (want != "") || !strings.Contains(stdout, want) || !strings.Contains(stdout, shown) || stderr != "" {
				t.Errorf("%s as %s: exit code %d, stdout %q, stderr %q, want %q", answers, format, code, stdout, stderr, want)
			}
		}
	}
}

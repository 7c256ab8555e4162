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

// Without a catalog, verified queries are held against no policy.
func TestVetQueries(t *testing.T) {
	files := map[string]string{
		"config.cue":  `databases: shop: {url: env: "SHOP_URL", verified: "queries.cue"}, security: blocked: columns: ["*.phone"]`,
		"queries.cue": `queries: phone: {questions: ["Phones"], sql: "select phone from customers"}`,
	}
	if code, stdout, stderr := run(t, files, "vet", "DIR/config.cue"); code != 0 || !strings.Contains(stdout, "is valid: 1 database") || stderr != "" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	files["queries.cue"] += "\nsecurity: blocked: columns: []"
	if code, stdout, stderr := run(t, files, "vet", "DIR/config.cue"); code != 1 || !strings.Contains(stdout, `queries.cue:2:1: unknown field "security" (known here: queries)`) || stderr != "" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

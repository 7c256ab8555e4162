package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What eval, replay and demo say of command lines that are wrong, or that name
// what they cannot work with: all before a database is asked anything.
func TestMisuseOfEvalReplayAndDemo(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config.cue":        "databases: shop: url: env: \"SHOP_URL\"\nllm: model: \"small-1\"\n",
		"mute.cue":          "databases: shop: url: env: \"SHOP_URL\"\n",
		"cases.sql":         "-- question: Who is tall?\n-- unanswerable\n",
		"suite/good.txtar":  "exec pgmcp version\n",
		"suite/later.txtar": "skip 'not yet'\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		args string
		code int
		want string // on standard error
	}{
		{"eval", 2, "accepts between 1 and 2 arg(s), received 0\nusage: pgmcp eval CASES [CONFIG]"},
		{"eval none.sql DIR/config.cue", 2, "read cases: open none.sql"},
		{"eval DIR/cases.sql none.cue", 2, "none.cue: no such file"},
		{"eval DIR/cases.sql DIR/config.cue --format csv", 2, `unknown format "csv": table or json`},
		{"eval DIR/cases.sql DIR/config.cue --target-accuracy 90", 2, "--target-accuracy 90: it is a share, from 0 to 1"},
		{"eval DIR/cases.sql DIR/config.cue --limit=-1", 2, "--limit -1: it is a number of questions"},
		{"eval DIR/cases.sql DIR/config.cue --config DIR/mute.cue", 2, "the configuration is named twice"},
		{"eval DIR/cases.sql DIR/mute.cue", 1, "mute.cue names no model that could be asked: set llm"},
		{"eval DIR/cases.sql DIR/config.cue --db desk", 1, `unknown database "desk"`},
		{"eval DIR/cases.sql DIR/config.cue --calibrate DIR/k.json", 1, "no calibration on 1 question: at least 100 are needed"},

		{"replay", 2, "requires at least 1 arg"},
		{"replay none", 2, "none: no such file"},
		{"replay DIR/suite --format xml", 2, `unknown format "xml": text, json or junit`},
		{"replay DIR/suite --parallel 0", 2, "--parallel must be at least 1"},
		{"replay DIR/suite --run (", 2, "--run: error parsing regexp"},
		{"replay DIR/suite --run nosuch", 1, `none of the 2 scenarios matches --run "nosuch"`},
		{"replay DIR/suite --config DIR/config.cue", 2, "--config goes with --record"},
		{"replay DIR/suite --record --config DIR/mute.cue", 1, "mute.cue names no model whose answers could be recorded"},
		{"replay DIR/suite --record --config none.cue", 2, "none.cue: no such file"},
		{"replay DIR/suite --help-script", 2, "unknown command"},

		{"demo --db desk", 2, "--db goes with --question"},
		{"demo desk", 2, "unknown command"},
	} {
		code, stdout, stderr := said(t, strings.Fields(strings.ReplaceAll(tt.args, "DIR", dir))...)
		if code != tt.code || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: exit code %d, want %d; stdout %q; stderr %q, want %q", tt.args, code, tt.code, stdout, stderr, tt.want)
		}
	}
}

// The commands of scenarios are explained without a scenario.
func TestHelpScript(t *testing.T) {
	code, stdout, stderr := said(t, "replay", "--help-script")
	if code != 0 || !strings.Contains(stdout, "\n[!] mcp call [-text | -progress] SESSION TOOL [JSON]\n") || stderr != "" {
		t.Errorf("exit code %d; stdout %q; stderr %q", code, stdout, stderr)
	}
}

// said runs a command line.
func said(t *testing.T, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Main(t.Context(), args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

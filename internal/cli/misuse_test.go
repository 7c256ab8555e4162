package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// run runs a command line in which DIR is a folder with the files.
func run(t *testing.T, files map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var line []string
	for _, arg := range args {
		line = append(line, strings.ReplaceAll(arg, "DIR", dir))
	}
	var out, err bytes.Buffer
	code = Main(t.Context(), line, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

// What a command line is wrong in is exit code 2, and said on standard error;
// what a command cannot do with what it is given is exit code 1.
func TestMisuse(t *testing.T) {
	files := map[string]string{
		"config.cue": `databases: shop: url: env: "SHOP_URL"`,
		"wrong.cue":  `databases: shop: {url: env: "SHOP_URL", verified: "queries.cue"}`,
		"queries.cue": `queries: fine: {questions: ["Fine"], sql: "select 1"}
queries: write: {questions: ["Write"], sql: "select nmae frm customers where id = 1"}`,
		"model.cue":   "databases: shop: url: env: \"SHOP_URL\"\nllm: model: \"small-1\"",
		"short.cue":   "databases: shop: url: env: \"SHOP_URL\"\nserver: {transport: \"http\", listen: \"192.0.2.1:8080\", tokens: ann: token: file: \"token\"}",
		"config.yaml": "databases: {}",
		"statements":  `{"id": 1, "sql": "select 1"}`,
		"token":       "guessed",
		"empty":       "",
		"cases.sql":   "-- question: Who is tall?\n-- unanswerable\n",
		"nothing/of":  "a configuration",

		"suite/good.txtar":  "exec pgmcp version\n",
		"suite/later.txtar": "skip 'not yet'\n",
	}
	const missing = "stat none.cue: no such file or directory\n\"pgmcp init\" writes one; name another with --config FILE"
	for _, tt := range []struct {
		args string
		code int
		want string // on standard error
	}{
		{"srve", 2, "unknown command \"srve\"\ndid you mean \"serve\"?\nrun \"pgmcp --help\""},
		{"frobnicate", 2, "unknown command \"frobnicate\"\nrun \"pgmcp --help\""},
		{"version now", 2, "usage: pgmcp version"},

		{"sql", 2, "usage: pgmcp sql STATEMENT"},
		{"sql select 1", 2, "give the statement as one argument, in quotes"},
		{"sql x --format xml", 2, `unknown format "xml": table, json or csv`},
		{"ask how many", 2, "give the question as one argument, in quotes"},
		{"ask x --format xml", 2, `unknown format "xml": table, json or csv`},
		{"ask x --config DIR/model.cue --record DIR/new", 1, `set answers.date to "none" or a date`},
		{"sql x --config none.cue", 2, missing},
		{"ask x --config none.cue", 2, missing},

		{"serve --prot 80", 2, "unknown flag: --prot"},
		{"serve --config none.cue", 2, missing},
		{"serve DIR/config.cue --addr-file DIR/addr", 2, `there is no address, for server.transport is "stdio"`},
		{"serve DIR/wrong.cue", 1, `queries.cue:2:62: queries.write.sql: syntax_error`},
		{"serve DIR/short.cue", 1, "token has fewer than 16 characters"},

		{"vet a.cue b.cue", 2, "accepts at most 1 arg"},
		{"vet none.cue", 2, missing},
		{"vet DIR/config.yaml", 2, "config.yaml is not a .cue file"},
		{"vet DIR/nothing", 2, "no .cue files in "},
		{"vet DIR/config.cue --format xml", 2, `unknown format "xml": text or json`},
		{"vet DIR/config.cue --frobnicate", 2, "unknown flag: --frobnicate"},
		{"vet DIR/config.cue --db shop", 2, "--db says which database --catalog is of"},
		{"vet DIR/config.cue --db shp --catalog DIR/statements", 1, `did you mean "shop"`},

		{"init -o DIR/new.cue https://db.example", 2, `not of the form "postgres://`},
		{"init -o DIR/new.cue postgres://%zz@db.example", 2, `not of the form "postgres://`},
		{"init -o DIR/new.cue --db shop", 2, "--db needs the URL of a server"},
		{"init -o DIR/config.cue", 1, "config.cue is there already: --force replaces it"},

		{"check --config none.cue", 2, missing},
		{"check DIR/config.cue none.jsonl --catalog none.json", 2, "none.json: no such file"},
		{"catalog --config none.cue", 2, missing},

		{"eval", 2, "accepts between 1 and 2 arg(s), received 0\nusage: pgmcp eval CASES [CONFIG]"},
		{"eval none.sql DIR/model.cue", 2, "read cases: open none.sql"},
		{"eval DIR/cases.sql none.cue", 2, "none.cue: no such file"},
		{"eval DIR/cases.sql DIR/config.cue", 1, "config.cue names no model that could be asked: set llm"},
		{"eval DIR/cases.sql DIR/model.cue --format csv", 2, `unknown format "csv": table or json`},
		{"eval DIR/cases.sql DIR/model.cue --target-accuracy 90", 2, "--target-accuracy 90: it is a share, from 0 to 1"},
		{"eval DIR/cases.sql DIR/model.cue --limit=-1", 2, "--limit -1: it is a number of questions"},
		{"eval DIR/cases.sql DIR/model.cue --config DIR/config.cue", 2, "the configuration is named twice"},
		{"eval DIR/cases.sql DIR/model.cue --db desk", 1, `unknown database "desk"`},
		{"eval DIR/cases.sql DIR/model.cue --calibrate DIR/k.json", 1, "no calibration on 1 question: at least 100 are needed"},

		{"replay", 2, "requires at least 1 arg"},
		{"replay none", 2, "none: no such file"},
		{"replay DIR/suite --format xml", 2, `unknown format "xml": text, json or junit`},
		{"replay DIR/suite --parallel 0", 2, "--parallel must be at least 1"},
		{"replay DIR/suite --run (", 2, "--run: error parsing regexp"},
		{"replay DIR/suite --run nosuch", 1, `none of the 2 scenarios matches --run "nosuch"`},
		{"replay DIR/suite --config DIR/config.cue", 2, "--config goes with --record"},
		{"replay DIR/suite --record --config DIR/config.cue", 1, "config.cue names no model whose answers could be recorded"},
		{"replay DIR/suite --record --config none.cue", 2, "none.cue: no such file"},
		{"replay DIR/suite --help-script", 2, "unknown command"},

		{"demo --db desk", 2, "--db goes with --question"},
		{"demo desk", 2, "unknown command"},

		{"health DIR/config.cue --format csv", 2, `unknown format "csv": table or json`},
		{"health DIR/config.cue --model", 2, "--model: the configuration names no model"},

		{"audit verify", 2, "usage: pgmcp audit verify FILE..."},
		{"audit verify DIR/empty --head abc", 2, "--head: not a hash"},
		{"audit verify none.jsonl", 2, "none.jsonl: no such file"},
	} {
		code, stdout, stderr := run(t, files, strings.Fields(tt.args)...)
		if code != tt.code || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: exit code %d, want %d; stdout %q; stderr %q, want %q", tt.args, code, tt.code, stdout, stderr, tt.want)
		}
	}
}

// The commands of scenarios are explained without a scenario.
func TestHelpScript(t *testing.T) {
	code, stdout, stderr := run(t, nil, "replay", "--help-script")
	if code != 0 || !strings.Contains(stdout, "\n[!] mcp call [-text | -progress] SESSION TOOL [JSON]\n") || stderr != "" {
		t.Errorf("exit code %d; stdout %q; stderr %q", code, stdout, stderr)
	}
}

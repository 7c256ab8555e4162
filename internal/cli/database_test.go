package cli

import (
	"os"
	"strings"
	"testing"
)

// What is wrong is found out before a database is connected to, and every command
// says in the same words which databases there are. With all it needs in files, a
// command connects to none.
func TestWithoutDatabase(t *testing.T) {
	t.Setenv("SHOP_URL", "postgres://127.0.0.1:1/nowhere")
	t.Setenv("MODEL_KEY", "")
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"config.cue":   `databases: {shop: url: env: "SHOP_URL"}`,
		"several.cue":  `databases: {shop: url: env: "SHOP_URL", desk: url: env: "SHOP_URL"}`,
		"replay.cue":   "databases: shop: url: env: \"SHOP_URL\"\nanswers: date: \"none\"\nllm: {model: \"small-1\", replay: \"golden\"}",
		"key.cue":      `databases: {shop: url: env: "SHOP_URL"}, llm: {model: "small-1", api_key: env: "MODEL_KEY"}`,
		"judge.cue":    `databases: {shop: url: env: "SHOP_URL"}, llm: {model: "small-1", judge: {base_url: "http://127.0.0.1:1/v1", model: "strict-2", api_key: env: "MODEL_KEY"}}`,
		"keys.cue":     `{databases: {shop: url: env: "SHOP_URL"}, llm: {model: "small-1", api_key: env: "MODEL_KEY", judge: {base_url: "http://127.0.0.1:1/v1", model: "strict-2", api_key: env: "JUDGE_KEY"}}}`,
		"catalog.json": `{"database": "shop", "server_version": 180000}`,
		"one.jsonl":    `{"id": 1, "sql": "select 1"}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("golden", 0o700); err != nil {
		t.Fatal(err)
	}
	const (
		required = "pgmcp: refused: database_required: several databases are served\nhint: say which one: desk, shop\n"
		unknown  = "pgmcp: refused: unknown_database: unknown database \"shp\"\nhint: did you mean \"shop\"?"
	)
	for _, tt := range []struct {
		args, stdin string
		code        int
		stdout      string // is in standard output, which is empty else
		stderr      string // is in standard error, which is empty else
	}{
		{args: "sql x --config several.cue", code: 1, stderr: required},
		{args: "ask x --config several.cue", code: 1, stderr: required},
		{args: "check several.cue", code: 1, stderr: required},
		{args: "catalog several.cue", code: 1, stderr: required},
		{args: "grants several.cue", code: 1, stderr: required},
		{args: "sql x --db shp", code: 1, stderr: unknown},
		{args: "ask x --db shp", code: 1, stderr: unknown},
		{args: "check config.cue --db shp --catalog catalog.json one.jsonl", code: 1, stderr: unknown},
		{args: "catalog --db shp", code: 1, stderr: unknown},
		{args: "grants --db shp", code: 1, stderr: unknown},

		{args: "check config.cue --catalog catalog.json one.jsonl", stdout: `"id":1,"allowed":true`},
		{args: "check --config config.cue --catalog catalog.json one.jsonl", stdout: `"id":1,"allowed":true`},
		{args: "check config.cue --catalog catalog.json -", stdin: `{"id": 2, "sql": "select 1"}`, stdout: `"id":2,"allowed":true`},
		{args: "check --catalog catalog.json", stdin: `{"id": 2, "sql": "select 1"}`, stdout: `"id":2,"allowed":true`},
		{args: "check --catalog catalog.json", stdin: `{"id": 2, "sql": "delete"}`, code: 1, stdout: `"id":2,"allowed":false`},
		{args: "check several.cue --db desk --catalog catalog.json one.jsonl", stdout: `"id":1,"allowed":true`},
		{args: "check config.cue one.jsonl", code: 1, stderr: "database_unavailable: database shop is not available"},
		{args: "check config.cue --catalog config.cue one.jsonl", code: 1, stderr: "pgmcp: read catalog: "},
		{args: "check config.cue --catalog catalog.json none.jsonl", code: 2, stderr: "pgmcp: read statements: open none.jsonl: no such file"},
		{args: "check config.cue a b", code: 2, stderr: "usage: pgmcp check [CONFIG] [FILE|-]"},

		{args: "grants --catalog catalog.json --role reader", stdout: "reader"},
		{args: "grants --catalog catalog.json --role pg_monitor", code: 2, stderr: "PostgreSQL keeps that name for itself"},

		{args: "ask x --config replay.cue --record other", code: 1, stderr: "the configuration names no model whose replies could be recorded"},
		{args: "ask x --config key.cue", code: 1, stderr: "llm.api_key: environment variable MODEL_KEY is not set"},
		{args: "ask x --config judge.cue", code: 1, stderr: "read llm.judge.api_key: environment variable MODEL_KEY is not set"},
		{args: "ask x --config keys.cue", code: 1, stderr: "read llm.api_key: environment variable MODEL_KEY is not set\nread llm.judge.api_key: environment variable JUDGE_KEY is not set"},
		{args: "vet --secrets judge.cue", code: 1, stdout: "llm.judge.api_key: environment variable MODEL_KEY is not set"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			var stdout, stderr strings.Builder
			code := Main(t.Context(), strings.Fields(tt.args), strings.NewReader(tt.stdin), &stdout, &stderr)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if got := stdout.String(); !strings.Contains(got, tt.stdout) || (got == "") != (tt.stdout == "") {
				t.Errorf("standard output: %q\nwant: …%s…", got, tt.stdout)
			}
			if got := stderr.String(); !strings.Contains(got, tt.stderr) || (got == "") != (tt.stderr == "") {
				t.Errorf("standard error: %q\nwant: …%s…", got, tt.stderr)
			}
		})
	}
}

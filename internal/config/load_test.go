package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// write makes a folder with the files and gives its path.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoadFillsInDefaults(t *testing.T) {
	dir := write(t, map[string]string{"config.cue": `
		databases: shop: url: env: "SHOP_URL"
		databases: crm: {
			url: file: "secrets/crm"
			security: {allow_explain: false, limits: {max_statement_size: "64KiB", max_tokens: 100, max_rows: 10, max_bytes: "64KiB", statement_timeout: "1m30s", max_cost: 1.5e6, max_plan_rows: 1e9}}
			security: blocked: tables: ["hr.*"]
		}
		answers: {date: "none", calibration: "calibration.json", checks: fan_out: "warn"}
		llm: {model: "m", prices: m: input: 2.5, replay: "golden", api_key: file: "/run/secrets/key"}
		llm: judge: {base_url: "https://judge.example/v1", model: "j", api_key: file: "judge_key"}
		server: {transport: "http", tokens: nightly: {token: file: "nightly", databases: [], limit: "10/h"}}
		resilience: limits: statement: "100/s"
	`})
	got, err := Load(filepath.Join(dir, "config.cue"))
	if err != nil {
		t.Fatal(err)
	}
	database := Database{
		Pool:           Pool{Min: 0, Max: 4, MaxOrphans: 2},
		ConnectTimeout: Duration(5 * time.Second),
		CatalogRefresh: Duration(5 * time.Minute),
		Schemas:        []string{"public"},
	}
	shop, crm := database, database
	shop.URL = Secret{Env: "SHOP_URL"}
	crm.URL = Secret{File: filepath.Join(dir, "secrets/crm")}
	crm.Security = &Overrides{
		Blocked:         Blocked{Schemas: []string{}, Tables: []string{"hr.*"}, Columns: []string{}, Functions: []string{}},
		AllowFunctions:  []string{},
		AllowExtensions: []string{},
		AllowExplain:    new(false),
		Limits: LimitOverrides{
			MaxStatementSize: new(Size(64 << 10)),
			MaxTokens:        new(100),
			MaxRows:          new(10),
			MaxBytes:         new(Size(64 << 10)),
			StatementTimeout: new(Duration(90 * time.Second)),
			MaxCost:          new(1.5e6),
			MaxPlanRows:      new(1e9),
		},
	}
	want := &Config{
		Server: Server{
			Transport:      "http",
			Listen:         "127.0.0.1:8080",
			Tokens:         map[string]Token{"nightly": {Token: Secret{File: filepath.Join(dir, "nightly")}, Databases: []string{}, Limit: &Rate{10, time.Hour}}},
			TrustedProxies: []string{},
			Drain:          Duration(10 * time.Second),
			Watch:          Interval(10 * time.Second),
		},
		Databases: map[string]Database{"shop": shop, "crm": crm},
		Security: Security{
			Blocked:           Blocked{Schemas: []string{}, Tables: []string{}, Columns: []string{}, Functions: []string{}},
			AllowFunctions:    []string{},
			AllowExtensions:   []string{},
			AllowExplain:      true,
			MaxQuestionLength: 2000,
			Limits:            Limits{MaxStatementSize: 16 << 10, MaxTokens: 4000, MaxRows: 1000, MaxBytes: 1 << 20, StatementTimeout: Duration(5 * time.Second)},
		},
		Answers: Answers{
			ConfidenceThreshold: 0.6, OnLowConfidence: "withhold", TokenBudget: 24_000, Values: "stats", Date: "none", MaxRepairs: 2,
			JudgeRows: "shape", MaxModelCalls: 5, MaxTokens: 100_000, Timeout: Duration(2 * time.Minute),
			Checks: Checks{
				Empty: "cap", AllNull: "cap", SingleZero: "warn", CapHit: "cap", UngroundedLiteral: "cap", Cartesian: "cap",
				FanOut: "warn", LimitWithoutOrder: "warn", TimeDependent: "warn", NoFilter: "cap",
			},
			Calibration: filepath.Join(dir, "calibration.json"),
			Cache:       Cache{TTL: Duration(time.Hour)},
		},
		LLM: &LLM{
			BaseURL: "https://api.openai.com/v1",
			Model:   "m",
			APIKey:  &Secret{File: "/run/secrets/key"},
			Judge:   &Judge{BaseURL: "https://judge.example/v1", Model: "j", APIKey: &Secret{File: filepath.Join(dir, "judge_key")}},
			Timeout: Duration(30 * time.Second),
			Replay:  filepath.Join(dir, "golden"),
			Prices:  map[string]Price{"m": {Input: 2.5}},
		},
		Resilience: Resilience{
			Limits:      RateLimits{Client: Rate{600, time.Minute}, Tools: map[string]Rate{}, Statement: Rate{100, time.Second}},
			Concurrency: Concurrency{Tool: 128, Statement: 32, Model: 32},
			Retry: Retries{
				Statement: Retry{2, Duration(50 * time.Millisecond), Duration(time.Second)},
				Model:     Retry{3, Duration(500 * time.Millisecond), Duration(20 * time.Second)},
			},
			Breaker: Breakers{
				Database: DatabaseBreaker{5, Duration(5 * time.Second), 1, Duration(5 * time.Second)},
				Model:    Breaker{5, Duration(10 * time.Second), 1},
			},
		},
		Observability: Observability{Log: Log{Level: "info", Format: "auto"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A configuration that imports the schema is the same one, with nothing
// installed, with it installed, and in a module of its own.
func TestLoadWithImport(t *testing.T) {
	plain := `databases: shop: url: env: "SHOP_URL"`
	imported := `package conf

import "pgmcp.dev/config:pgmcp"

pgmcp.#Config & {databases: shop: pgmcp.#Database & {url: env: "SHOP_URL"}}
`
	want, err := Load(write(t, map[string]string{"config.cue": plain}))
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string]map[string]string{
		"nothing installed": {"config.cue": imported},
		"installed":         {"config.cue": imported, ModuleFile: Module, SchemaFile: "package pgmcp\n#Config: 5\n"},
		"module":            {"config.cue": imported, ModuleFile: "module: \"example.com/conf@v0\"\nlanguage: version: \"v0.9.0\"\n"},
	} {
		got, err := Load(filepath.Join(write(t, files), "config.cue"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestLoadMergesAFolder(t *testing.T) {
	dir := write(t, map[string]string{
		"base.cue":      "package conf\n_max: *4 | int\ndatabases: shop: {url: env: \"SHOP_URL\", pool: max: _max}",
		"prod.cue":      "package conf\n_max: 32\nserver: transport: \"http\"",
		"not_tool.cue":  "not CUE }",
		".hidden.cue":   "not CUE }",
		"sub/other.cue": "not CUE }",
	})
	c, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if c.Databases["shop"].Pool.Max != 32 || c.Server.Transport != "http" {
		t.Errorf("not merged: %+v", c)
	}
	// A file of it can be a configuration alone.
	c, err = Load(filepath.Join(dir, "base.cue"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Databases["shop"].Pool.Max != 4 || c.Server.Transport != "stdio" {
		t.Errorf("merged: %+v", c)
	}
}

// What cannot be read at all is no list of problems.
func TestLoadErrors(t *testing.T) {
	dir := write(t, map[string]string{"config.yaml": "", "folder.cue/x": ""})
	for path, want := range map[string]string{
		"nowhere.cue":   "no such file",
		"config.yaml":   "not a .cue file",
		"":              "no .cue files",
		"folder.cue":    "no .cue files",
		"config.yaml/x": "not a directory",
	} {
		_, err := Load(filepath.Join(dir, path))
		if invalid := (*Invalid)(nil); errors.As(err, &invalid) || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error that says %q", path, err, want)
		}
	}
	if _, err := Load(filepath.Join(dir, "nowhere.cue")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("not fs.ErrNotExist: %v", err)
	}
}

func TestListen(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:0":       "",
		"127.4.5.6:65535":   "",
		"localhost:8080":    "",
		"[::1]:443":         "",
		"0.0.0.0:80":        "loopback",
		":80":               "loopback",
		"[::]:80":           "loopback",
		"10.0.0.1:80":       "loopback",
		"db.example:80":     "loopback",
		"127.example.com:1": "loopback",
		"localhost.evil:1":  "loopback",
		"127.0.0.1":         "HOST:PORT",
		"127.0.0.1:65536":   "HOST:PORT",
		"127.0.0.1:http":    "HOST:PORT",
		"::1:80":            "HOST:PORT",
		"a b:80":            "HOST:PORT",
	} {
		text := fmt.Sprintf("databases: a: url: env: \"A\"\nserver: listen: %q\n", listen)
		_, err := Load(write(t, map[string]string{"c.cue": text}))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", listen, err, want)
		}
		if want != "loopback" {
			continue
		}
		if _, err := Load(write(t, map[string]string{"c.cue": text + "server: insecure: true"})); err != nil {
			t.Errorf("%s, insecure: %v", listen, err)
		}
	}
}

// What the schema lets through, the types can hold, and at its true value.
func TestDurationsAndSizes(t *testing.T) {
	load := func(setting, value string) (*Config, error) {
		return Load(write(t, map[string]string{"c.cue": fmt.Sprintf("databases: a: url: env: \"A\"\n%s: %q\n", setting, value)}))
	}
	for text, want := range map[string]time.Duration{
		"1ms":                     time.Millisecond,
		"1m30s":                   90 * time.Second,
		"99h9999m99999s99999ms":   99*time.Hour + 9999*time.Minute + 99999*time.Second + 99999*time.Millisecond,
		"0h0m1s":                  time.Second,
		"":                        0,
		"0s":                      0,
		"-5s":                     0,
		"5":                       0,
		"1.5s":                    0,
		"10us":                    0,
		"1s1m":                    0,
		"9999999999999999999999s": 0,
	} {
		c, err := load("security: limits: statement_timeout", text)
		if (err == nil) != (want > 0) || err == nil && time.Duration(c.Security.Limits.StatementTimeout) != want {
			t.Errorf("duration %q: %v, want %v", text, err, want)
		}
	}
	for text, want := range map[string]Size{
		"1B":        1,
		"512KiB":    512 << 10,
		"999999GiB": 999999 << 30,
		"0B":        0,
		"1MB":       0,
		"1.5MiB":    0,
		"1":         0,
		"-1B":       0,
	} {
		c, err := load("security: limits: max_bytes", text)
		if (err == nil) != (want > 0) || err == nil && c.Security.Limits.MaxBytes != want {
			t.Errorf("size %q: %v, want %v", text, err, want)
		}
	}
}

func TestUnmarshalText(t *testing.T) {
	for _, text := range []string{"", "B", "5", "5TB", "5iB", "9999999999GiB", "-5B", "0x5B"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("size %q gave %d", text, s)
		}
	}
	var d Duration
	if err := d.UnmarshalText([]byte("5 parsecs")); err == nil {
		t.Errorf("duration gave %d", d)
	}
}

func TestSecret(t *testing.T) {
	const value = "hunter2"
	dir := write(t, map[string]string{"key": value + "\r\n", "empty": "\n"})
	t.Setenv("PGMCP_TEST_SECRET", value)
	t.Setenv("PGMCP_TEST_EMPTY", "")
	for _, c := range []struct {
		secret Secret
		fails  string
	}{
		{Secret{Env: "PGMCP_TEST_SECRET"}, ""},
		{Secret{File: filepath.Join(dir, "key")}, ""},
		{Secret{Env: "PGMCP_TEST_EMPTY"}, "environment variable PGMCP_TEST_EMPTY is not set"},
		{Secret{File: filepath.Join(dir, "none")}, "no such file"},
		{Secret{File: filepath.Join(dir, "empty")}, "is empty"},
	} {
		got, err := c.secret.Reveal()
		if c.fails == "" && (err != nil || got != value) || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("%v: %q, %v", c.secret, got, err)
		}
		if printed := fmt.Sprintf("%v %+v %s", c.secret, c.secret, c.secret); strings.Contains(printed, value) {
			t.Errorf("printed as %s", printed)
		}
	}
}

// A secret written into the configuration by mistake is in no message.
func TestMessagesHoldNoValue(t *testing.T) {
	for _, text := range []string{
		`databases: a: url: "hunter2"`,
		`databases: a: url: env: "hunter2 "`,
		`databases: a: url: {env: "A", password: "hunter2"}`,
		"databases: a: url: \"hunter2\"\ndatabases: a: url: env: \"A\"",
		"databases: a: url: env: \"A\"\nllm: {model: \"m\", api_key: \"hunter2\"}\nllm: api_key: \"hunter2x\"",
		"databases: a: url: env: \"A\"\ndatabases: a: description: \"hunter2\" & 5",
	} {
		_, err := Load(write(t, map[string]string{"c.cue": text}))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1, 100} {
		var text strings.Builder
		text.WriteString("security: blocked: columns: [\"*.password_hash\", \"*.ssn\"]\nllm: {model: \"m\", api_key: env: \"KEY\"}\n")
		for i := range n {
			fmt.Fprintf(&text, "databases: db%d: {\n\turl: env: \"DB%d_URL\"\n\tdescription: \"database %d\"\n\tpool: {min: 1, max: 8}\n\tschemas: [\"public\", \"sales\"]\n\tsecurity: {blocked: tables: [\"hr.*\", \"public.salaries\"], limits: max_rows: 500}\n}\n", i, i, i)
		}
		path := write(b, map[string]string{"config.cue": text.String()})
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Load(path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzLoad: nothing written into a configuration brings pgmcp down, and each
// problem is at a place in the file.
func FuzzLoad(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, archive := range archives {
		a, err := txtar.ParseFile(archive)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if filepath.Ext(file.Name) == ".cue" {
				f.Add(string(file.Data))
			}
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 4<<10 {
			return
		}
		path := filepath.Join(write(t, map[string]string{"config.cue": src}), "config.cue")
		_, err := Load(path)
		invalid := (*Invalid)(nil)
		if err == nil || !errors.As(err, &invalid) {
			return
		}
		lines := strings.Count(src, "\n") + 1
		for _, p := range invalid.Problems {
			if p.Message == "" || p.Line < 0 || p.Line > lines || p.File != "" && p.File != path {
				t.Errorf("%#v", p)
			}
		}
	})
}

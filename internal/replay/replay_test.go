// The scenarios are run against this product's own command line, which stands
// above package replay: hence a test package of its own.
package replay_test

import (
	"context"
	"errors"
	"flag"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pgmcp/pgmcp/internal/cli"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/replay"
)

const scenarios = "../../scenarios"

var update = flag.Bool("update", false, "rewrite what the scenarios compare with")

func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){
		"pgmcp":      pgmcp,
		"echoserver": echoServer, // for testdata
		"ask":        ask,
		"dial":       dial,
	})
}

// suite stops the servers that the tests started before testscript exits.
type suite struct{ m *testing.M }

func (s suite) Run() int {
	flag.Parse()
	// The programs of scenarios leave their coverage where the test does: go
	// test gives them another folder, which it throws away.
	if dir := flag.Lookup("test.gocoverdir").Value.String(); dir != "" {
		os.Setenv("GOCOVERDIR", dir)
	}
	return pgtest.Run(s.m)
}

// pgmcp is the product, in a copy of the test binary.
func pgmcp() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// TestScenarios runs every scenario on a server of each version at hand.
func TestScenarios(t *testing.T) {
	files := files(t)
	pgtest.Each(t, func(t *testing.T, server *pgtest.Server) {
		for _, file := range files {
			t.Run(replay.Name(file), func(t *testing.T) {
				t.Parallel()
				r := replay.Run(t.Context(), options(server), file)
				switch r.Status {
				case replay.Fail:
					t.Fatal(r.Log)
				case replay.Skip:
					t.Skip(r.Log)
				}
				t.Log(r.Log)
			})
		}
	})
}

// another is what the settings that a configuration cannot do without are set
// to: without them nothing would run, which proves nothing.
var another = map[string]string{
	"databases.*.url.env":  `databases: [_]: url: env: "ANOTHER"`,
	"databases.*.url.file": `databases: [_]: url: file: "another"`,
	"llm.model":            `llm: model: "another"`,
	"llm.api_key.env":      `llm: api_key: env: "ANOTHER"`,
	"llm.api_key.file":     `llm: api_key: file: "another"`,

	"server.tokens.*.token.env":  `server: tokens: [_]: token: env: "ANOTHER"`,
	"server.tokens.*.token.file": `server: tokens: [_]: token: file: "another"`,

	"observability.audit.file":    `observability: audit: file: "another"`,
	"observability.otlp.endpoint": `observability: otlp: endpoint: "http://127.0.0.1:9"`,

	"llm.judge.base_url": `llm: judge: base_url: "http://127.0.0.1:9/v1"`,
	"llm.judge.model":    `llm: judge: model: "another"`,

	"llm.judge.api_key.env":  `llm: judge: api_key: env: "ANOTHER"`,
	"llm.judge.api_key.file": `llm: judge: api_key: file: "another"`,
}

// insecure changes nothing but which configurations are valid.
const insecure = "server.insecure"

// TestSettings proves that every setting is honoured: a scenario says that it
// shows the setting, and fails when the setting is taken out of its
// configurations, which stay valid.
func TestSettings(t *testing.T) {
	shown := map[string][]string{} // setting to scenarios
	for _, file := range files(t) {
		for _, setting := range settings(t, file) {
			shown[setting] = append(shown[setting], file)
		}
	}
	leaves := config.Leaves()
	for _, setting := range slices.Sorted(maps.Keys(shown)) {
		if !slices.Contains(leaves, setting) {
			t.Errorf("%s shows setting %s, which the schema does not have", shown[setting], setting)
		}
	}
	server := pgtest.Any(t) // a setting means the same on all
	for _, setting := range leaves {
		t.Run(setting, func(t *testing.T) {
			if len(shown[setting]) == 0 {
				t.Fatalf("no scenario is headed %q: write one that fails without the setting", "# setting: "+setting)
			}
			t.Parallel()
			for _, file := range shown[setting] {
				o := options(server)
				o.Update = false
				if r := replay.Run(t.Context(), o, without(t, file, setting)); r.Status != replay.Fail {
					t.Errorf("%s: %s without %s: the scenario does not show what the setting does\n%s", replay.Name(file), r.Status, setting, r.Log)
				}
			}
		})
	}
}

func files(t *testing.T) []string {
	t.Helper()
	files, err := replay.Find(scenarios)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func options(server *pgtest.Server) replay.Options {
	return replay.Options{Server: server, Update: *update, Verbose: testing.Verbose()}
}

var settingLine = regexp.MustCompile(`(?m)^# setting: (\S+)$`)

// settings are those that the scenario in file says it shows.
func settings(t *testing.T, file string) []string {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range settingLine.FindAllSubmatch(a.Comment, -1) {
		names = append(names, string(m[1]))
	}
	return names
}

// without writes the scenario to a file of its own, in which the setting is
// taken out of the configurations, or another in its place.
func without(t *testing.T, file, setting string) string {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	instead, required := another[setting]
	changed := false
	for i, f := range a.Files {
		if !strings.HasSuffix(f.Name, ".cue") {
			continue
		}
		text, ok, err := config.Strip(f.Data, setting)
		if err != nil || !ok { // it does not set it, or is wrong on purpose
			continue
		}
		if required {
			if len(problems(t, text, f.Data)) == 0 {
				t.Errorf("%s: %s is valid without %s, so nothing is to take its place", replay.Name(file), f.Name, setting)
			}
			text = append(text, instead...)
		}
		if p := problems(t, text, f.Data); len(p) > 0 && setting != insecure {
			t.Errorf("%s: %s is not valid without %s, which proves nothing: %s", replay.Name(file), f.Name, setting, p)
		}
		a.Files[i].Data, changed = text, true
	}
	if !changed {
		t.Fatalf("%s: no configuration in it sets %s", replay.Name(file), setting)
	}
	path := filepath.Join(t.TempDir(), filepath.Base(filepath.Dir(file)), filepath.Base(file))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// problems are those of a configuration that it had not before. What the script
// has still to expand is one in both.
func problems(t *testing.T, now, before []byte) []string {
	t.Helper()
	list := func(text []byte) (list []string) {
		path := filepath.Join(t.TempDir(), "config.cue")
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(path)
		invalid, ok := errors.AsType[*config.Invalid](err)
		if err != nil && !ok {
			t.Fatal(err)
		}
		if ok {
			for _, p := range invalid.Problems {
				list = append(list, p.Path+": "+p.Message)
			}
		}
		return list
	}
	old := list(before)
	return slices.DeleteFunc(list(now), func(p string) bool { return slices.Contains(old, p) })
}

// The scenarios are run against this product's own command line, which stands
// above package replay: hence a test package of its own.
package replay_test

import (
	"context"
	"flag"
	"fmt"
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

const (
	scenarios = "../../scenarios"
	golden    = "../../golden"
)

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
				r := replay.Run(options(t, server), file)
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

// TestSettings proves that every setting is honoured: a scenario says that it
// shows the setting, and fails when the setting is taken out of its configuration.
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
	var server *pgtest.Server // of any version: a setting means the same on all
	pgtest.Each(t, func(_ *testing.T, s *pgtest.Server) { server = s })
	for _, setting := range leaves {
		t.Run(setting, func(t *testing.T) {
			if len(shown[setting]) == 0 {
				t.Fatalf("no scenario is headed %q: write one that fails without the setting", "# setting: "+setting)
			}
			t.Parallel()
			for _, file := range shown[setting] {
				without := strip(t, file, setting)
				o := options(t, server)
				o.Update = false
				if r := replay.Run(o, without); r.Status != replay.Fail {
					t.Errorf("%s: %s without %s: the scenario does not show what the setting does\n%s", replay.Name(file), r.Status, setting, r.Log)
				}
			}
		})
	}
}

func files(t *testing.T) []string {
	t.Helper()
	files, err := replay.Files(scenarios)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func options(t *testing.T, server *pgtest.Server) replay.Options {
	t.Helper()
	dir, err := filepath.Abs(golden)
	if err != nil {
		t.Fatal(err)
	}
	return replay.Options{Server: server, Golden: dir, Update: *update, Verbose: testing.Verbose()}
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

// strip writes the scenario without a setting to a file of its own.
func strip(t *testing.T, file, setting string) string {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := false
	var problems []string
	for i, f := range a.Files {
		if !strings.HasSuffix(f.Name, ".cue") {
			continue
		}
		out, ok, err := config.Strip(f.Data, setting)
		if err != nil { // a file that is wrong on purpose
			problems = append(problems, fmt.Sprintf("%s: %v", f.Name, err))
			continue
		}
		a.Files[i].Data, changed = out, changed || ok
	}
	if !changed {
		t.Fatalf("%s: no configuration in it sets %s %s", replay.Name(file), setting, problems)
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

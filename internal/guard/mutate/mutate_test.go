// Package mutate removes one rule of the guard, and of the policy that it asks, at a
// time, and shows that a test fails for each removal. It changes no file: all
// removals are switches in copies that are laid over the sources for one build of
// the tests.
//
// Every mutant first meets the guard's cases, and if those notice nothing, the
// other tests of both packages that need little time. A mutant that lives is an
// error, unless reviewed.txt says why nothing is lost with the rule.
package mutate

import (
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

var (
	sample = flag.Int("n", 40, "try `COUNT` mutants; 0 is all")
	seed   = flag.Uint64("seed", 1, "which ones")
)

var (
	//go:embed reviewed.txt
	reviewedText string
	//go:embed switch.txt
	switches string
	//go:embed active.txt
	active string
	//go:embed cases.txt
	cases string
)

// sources are what is mutated, below the module's folder.
var sources = []string{"internal/guard/*.go", "internal/policy/close.go", "internal/policy/rules.go", "internal/policy/policy.go"}

// spared are sources that have no part in a verdict: hints, and what is told of a
// statement that is allowed.
var spared = []string{"internal/guard/hint.go", "internal/guard/facts.go", "internal/guard/level.go"}

func TestMain(m *testing.M) { pgtest.Main(m) }

// TestEveryRuleIsTested tries a few of the mutants, or all.
func TestEveryRuleIsTested(t *testing.T) {
	l := lab{folder: t.TempDir(), url: pgtest.Any(t).URL()}
	t.Chdir("../../..")
	mutants, overlay, err := lay(l.folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.build(t.Context(), overlay); err != nil {
		t.Fatal(err)
	}
	chosen := mutants
	if *sample > 0 && *sample < len(mutants) {
		chosen = nil
		for _, i := range rand.New(rand.NewPCG(*seed, 0)).Perm(len(mutants))[:*sample] {
			chosen = append(chosen, mutants[i])
		}
	}
	alive, err := l.survivors(t.Context(), chosen)
	if err != nil {
		t.Fatal(err)
	}
	report(t, mutants, chosen, alive)
}

// lay writes the mutated sources and the switches into folder, and returns the
// mutants and what go build is to take for which file.
func lay(folder string) ([]mutant, map[string]string, error) {
	var mutants []mutant
	overlay := map[string]string{}
	put := func(path, text string) error {
		copied := filepath.Join(folder, strings.ReplaceAll(path, "/", "+"))
		target, err := filepath.Abs(path)
		if err == nil {
			overlay[target] = copied
			err = os.WriteFile(copied, []byte(text), 0o600)
		}
		return err
	}
	for _, pattern := range sources {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return nil, nil, err
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || slices.Contains(spared, file) {
				continue
			}
			text, err := mutate(file, &mutants)
			if err == nil {
				err = put(file, string(text))
			}
			if err != nil {
				return nil, nil, err
			}
		}
	}
	if len(mutants) == 0 {
		return nil, nil, fmt.Errorf("no sources: run it in the module's folder")
	}
	guard := strings.NewReplacer("PACKAGE", "guard", "ACTIVE", "policy.Mutant", `import "strings"`, "import (\n\"strings\"\n\"github.com/pgmcp/pgmcp/internal/policy\"\n)")
	policy := strings.NewReplacer("PACKAGE", "policy", "ACTIVE", "Mutant")
	for path, text := range map[string]string{
		"internal/guard/mutant_switch.go":  guard.Replace(switches),
		"internal/policy/mutant_switch.go": policy.Replace(switches),
		"internal/policy/mutant_active.go": active,
		"internal/guard/mutant_test.go":    cases,
	} {
		if err := put(path, text); err != nil {
			return nil, nil, err
		}
	}
	return mutants, overlay, nil
}

// build builds the tests of both packages.
func (l *lab) build(ctx context.Context, overlay map[string]string) error {
	b, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return err
	}
	file := filepath.Join(l.folder, "overlay.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		return err
	}
	for _, name := range []string{"guard", "policy"} {
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", file, "-o", filepath.Join(l.folder, name), "./internal/"+name)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return nil
}

// report says which mutants live and are not reviewed, and which are said to live and
// do not.
func report(t *testing.T, all, chosen, alive []mutant) {
	reviewed := map[string]bool{}
	for line := range strings.Lines(reviewedText) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			reviewed[line] = true
		}
	}
	known := map[string]bool{}
	for _, m := range all {
		known[m.String()] = true
	}
	for _, what := range slices.Sorted(maps.Keys(reviewed)) {
		if !known[what] {
			t.Errorf("reviewed.txt: there is no such mutant: %s", what)
		}
	}
	for _, m := range chosen {
		switch lives := slices.Contains(alive, m); {
		case lives && !reviewed[m.String()]:
			t.Errorf("no test fails: %s:%d %s", m.file, m.line, m)
		case !lives && reviewed[m.String()]:
			t.Errorf("reviewed.txt: a test fails: %s:%d %s", m.file, m.line, m)
		}
	}
	t.Logf("%d of %d mutants tried, %d are alive", len(chosen), len(all), len(alive))
}

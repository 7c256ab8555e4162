// Command mutate removes one rule of the guard, and of the policy that it asks,
// at a time, and shows that a test fails for each removal. It changes no file:
// all removals are switches in copies that are laid over the sources for one
// build of the tests.
//
//	mutate [-n COUNT] [-seed NUMBER] [-jobs COUNT]
//
// Every mutant first meets the guard's cases, and if those notice nothing, the
// other tests of both packages that need little time. The policy's want a
// PostgreSQL server, see package pgtest. A mutant that lives is listed, unless
// reviewed.txt says why nothing is lost with the rule.
package main

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
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
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

func main() {
	sample := flag.Int("n", 0, "try `COUNT` mutants only; 0 is all")
	seed := flag.Uint64("seed", 1, "which ones")
	jobs := flag.Int("jobs", 2, "how many at once")
	flag.Parse()
	ctx, done := signal.NotifyContext(context.Background(), os.Interrupt)
	defer done()
	if err := run(ctx, *sample, *seed, *jobs); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sample int, seed uint64, jobs int) error {
	folder, err := os.MkdirTemp("", "pgmcp-mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	mutants, overlay, err := lay(folder)
	if err != nil {
		return err
	}
	l := lab{folder: folder, jobs: jobs}
	if err := l.build(ctx, overlay); err != nil {
		return err
	}
	chosen := mutants
	if sample > 0 && sample < len(mutants) {
		r := rand.New(rand.NewPCG(seed, 0))
		chosen = nil
		for _, i := range r.Perm(len(mutants))[:sample] {
			chosen = append(chosen, mutants[i])
		}
	}
	alive, err := l.survivors(ctx, chosen)
	if err != nil {
		return err
	}
	return report(mutants, chosen, alive)
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

// report lists the survivors and fails if one is not reviewed, or one that is
// said to be does not live.
func report(all, chosen, alive []mutant) error {
	reviewed := map[string]string{}
	for line := range strings.Lines(reviewedText) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		what, why, ok := strings.Cut(line, " # ")
		if !ok {
			return fmt.Errorf("reviewed.txt: no reason: %s", line)
		}
		reviewed[what] = why
	}
	known := map[string]bool{}
	for _, m := range all {
		known[m.String()] = true
	}
	for _, what := range slices.Sorted(maps.Keys(reviewed)) {
		if !known[what] {
			return fmt.Errorf("reviewed.txt: there is no such mutant: %s", what)
		}
	}
	unreviewed := 0
	for _, m := range alive {
		if reviewed[m.String()] == "" {
			unreviewed++
			fmt.Printf("alive: %s:%d %s\n", m.file, m.line, m)
		}
		delete(reviewed, m.String())
	}
	fmt.Printf("%d of %d mutants tried: %d killed, %d alive, %d of them reviewed\n",
		len(chosen), len(all), len(chosen)-len(alive), len(alive), len(alive)-unreviewed)
	if unreviewed > 0 {
		return fmt.Errorf("no test fails for %d mutants", unreviewed)
	}
	if len(chosen) == len(all) && len(reviewed) > 0 {
		return fmt.Errorf("reviewed.txt: these are killed: %s", strings.Join(slices.Sorted(maps.Keys(reviewed)), "; "))
	}
	return nil
}

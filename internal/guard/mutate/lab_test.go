package mutate

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A lab is where mutants meet the tests.
type lab struct {
	folder string // of the built tests
	url    string // of the server that they may use
}

// jobs is how many mutants are tried at once.
const jobs = 2

// skipped are tests that no rule depends on, or that take long.
const skipped = "^(TestMutants|TestStackOverflow.*|TestWorstTime|TestCrowd|TestWorkIsLinear|TestLargest|TestWrapping|TestSpelling|TestCheckIsSafeForConcurrentUse|FuzzCheck)$"

// survivors are the mutants for which no test fails.
func (l *lab) survivors(ctx context.Context, mutants []mutant) ([]mutant, error) {
	var rest []mutant
	var quick []mutant
	for _, m := range mutants {
		if m.atInit {
			rest = append(rest, m)
		} else {
			quick = append(quick, m)
		}
	}
	alive, err := l.parallel(ctx, quick, l.judgeCases)
	if err != nil {
		return nil, err
	}
	return l.parallel(ctx, append(rest, alive...), l.runTests)
}

// parallel shares the mutants out and returns those that live, in their order.
func (l *lab) parallel(ctx context.Context, mutants []mutant, try func(context.Context, []mutant) ([]mutant, error)) ([]mutant, error) {
	var all sync.WaitGroup
	var lock sync.Mutex
	var alive []mutant
	var failed error
	for part := range jobs {
		var share []mutant
		for i := part; i < len(mutants); i += jobs {
			share = append(share, mutants[i])
		}
		all.Go(func() {
			a, err := try(ctx, share)
			lock.Lock()
			defer lock.Unlock()
			alive = append(alive, a...)
			if err != nil {
				failed = err
			}
		})
	}
	all.Wait()
	slices.SortFunc(alive, func(a, b mutant) int { return a.number - b.number })
	return alive, failed
}

// judgeCases lets the guard judge its cases under each mutant, in one process as
// long as that lives.
func (l *lab) judgeCases(ctx context.Context, mutants []mutant) ([]mutant, error) {
	var alive []mutant
	for len(mutants) > 0 {
		var numbers strings.Builder
		for _, m := range mutants {
			fmt.Fprintln(&numbers, m.number)
		}
		cmd := l.test(ctx, "guard", "-test.run", "^TestMutants$", "-test.timeout", "30m")
		cmd.Stdin = strings.NewReader(numbers.String())
		out, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		judged := 0
		for line := range strings.Lines(string(out)) {
			var number int
			var killed bool
			if n, _ := fmt.Sscanf(line, "mutant %d %t", &number, &killed); n != 2 {
				continue
			}
			if !killed {
				alive = append(alive, mutants[judged])
			}
			judged++
		}
		if judged == 0 && strings.Contains(string(out), "without a mutant") {
			return nil, fmt.Errorf("%w\n%s", err, out)
		}
		if err != nil && judged < len(mutants) && !strings.HasSuffix(strings.TrimSpace(string(out)), "true") {
			judged++ // it died of the next one
		}
		mutants = mutants[judged:]
	}
	return alive, nil
}

// runTests runs the other tests of its package under each mutant.
func (l *lab) runTests(ctx context.Context, mutants []mutant) ([]mutant, error) {
	var alive []mutant
	for _, m := range mutants {
		args := []string{"-test.skip", skipped, "-test.failfast", "-test.timeout", "5m"}
		if m.atInit {
			args = append(args, "-test.run", "^(TestCases|TestWalk.*|Test.*Node.*|TestWhatIsAdmittedIsUsed)$")
		}
		cmd := l.test(ctx, m.pkg, args...)
		cmd.Env = append(cmd.Env, "PGMCP_MUTANT="+strconv.Itoa(m.number))
		err := cmd.Run()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			alive = append(alive, m)
		}
	}
	return alive, nil
}

func (l *lab) test(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(l.folder, name), args...)
	cmd.Dir = filepath.Join("internal", name)
	cmd.Env = append(os.Environ(), "GOMEMLIMIT=2GiB", "PGMCP_TEST_POSTGRES="+l.url)
	cmd.WaitDelay = time.Second
	return cmd
}

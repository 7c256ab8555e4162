// Command gotest runs go test on a PostgreSQL server of every version at hand.
// It finds, starts or installs the servers, stops them after the tests, and says
// in its last line what ran on what.
//
//	gotest [-cover FILE] [--] ARGUMENTS OF GO TEST
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

func main() {
	profile := flag.String("cover", "", "write the coverage of all packages to `FILE` and print its total")
	flag.Parse()
	ctx, done := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer done()
	servers, err := pgtest.StartAll(ctx, pgtest.Options{Install: true, Log: os.Stderr})
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
	n, err := run(ctx, servers, *profile, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
	}
	var names []string
	for _, s := range servers {
		names = append(names, s.String())
	}
	fmt.Printf("%v on PostgreSQL %s\n", n, strings.Join(names, ", "))
	if err != nil {
		os.Exit(1)
	}
}

// run runs the tests on the servers and closes them.
func run(ctx context.Context, servers []*pgtest.Server, profile string, args []string) (n counts, err error) {
	for _, s := range servers {
		defer func() { err = errors.Join(err, leave(s)) }()
	}
	env := append(os.Environ(), pgtest.Env(servers)...)
	if profile != "" {
		return testCovered(ctx, env, args, profile)
	}
	return test(ctx, env, args)
}

// leave closes a server; one that lives on is left without what the tests made.
func leave(s *pgtest.Server) error {
	if s.Source() != "url" {
		return s.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	return s.Sweep(ctx)
}

// test runs go test and prints its report.
func test(ctx context.Context, env, args []string) (counts, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Env = env
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	events, err := cmd.StdoutPipe()
	if err != nil {
		return counts{}, err
	}
	if err := cmd.Start(); err != nil {
		return counts{}, err
	}
	n, err := report(os.Stdout, events)
	return n, errors.Join(err, cmd.Wait())
}

// testCovered is test with coverage, also of the commands that scripts run:
// every process leaves its counters in one folder.
func testCovered(ctx context.Context, env, args []string, profile string) (counts, error) {
	folder, err := os.MkdirTemp("", "pgmcp-coverage-")
	if err != nil {
		return counts{}, err
	}
	defer os.RemoveAll(folder)
	args = slices.Concat([]string{"-cover", "-coverpkg=./..."}, args, []string{"-args", "-test.gocoverdir=" + folder})
	n, err := test(ctx, append(env, "GOCOVERDIR="+folder), args)

	total, coverErr := mergeCoverage(ctx, folder, profile)
	if coverErr == nil {
		fmt.Printf("coverage: %s of statements\n", total)
	}
	return n, errors.Join(err, coverErr)
}

// mergeCoverage makes a profile of all counters in a folder. The total is like "87.5%".
func mergeCoverage(ctx context.Context, folder, profile string) (total string, err error) {
	if _, err := goTool(ctx, "covdata", "textfmt", "-i="+folder, "-o="+profile); err != nil {
		return "", err
	}
	functions, err := goTool(ctx, "cover", "-func="+profile)
	return functions[strings.LastIndexAny(functions, " \t")+1:], err
}

func goTool(ctx context.Context, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", append([]string{"tool"}, args...)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go tool %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

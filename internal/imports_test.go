// Package internal_test keeps the order of the packages below it.
package internal_test

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pgmcp/pgmcp/"

// layers hold every package, lowest layer first. A package imports packages of
// lower layers only, outside its tests.
var layers = [][]string{
	{"nearest"},
	{"call", "catalog", "config", "pgtest"},
	{"policy", "observe", "llm"},
	{"postgres", "grants", "audit"},
	{"guard"},
	{"query", "verified"},
	{"answer"},
	{"eval", "mcpserver", "replay"},
	{"demo"},
	{"cli"},
}

// pgtest is no part of serving: only these start servers with it.
var startServers = []string{"replay", "demo", "cli"}

func TestImportsPointDown(t *testing.T) {
	for path, imports := range packages(t) {
		name, ok := strings.CutPrefix(path, module+"internal/")
		if !ok {
			continue
		}
		name, _, _ = strings.Cut(name, "/")
		if level(name) < 0 {
			t.Errorf("%s is in no layer", path)
			continue
		}
		for _, imported := range imports {
			other, ok := strings.CutPrefix(imported, module+"internal/")
			other, _, _ = strings.Cut(other, "/")
			if !ok || other == name {
				continue
			}
			if level(other) >= level(name) {
				t.Errorf("%s imports %s, which is not below it", name, other)
			}
			if other == "pgtest" && !slices.Contains(startServers, name) {
				t.Errorf("%s imports pgtest, which is for tests", name)
			}
		}
	}
}

// The guard decides alone: its cases need no server and run in milliseconds. Of
// what it builds on, only catalog may know pgx: the rows that it is loaded from.
func TestGuardReachesNoServer(t *testing.T) {
	all := packages(t)
	seen := map[string]bool{}
	var visit func(path, trail string)
	visit = func(path, trail string) {
		if seen[path] {
			return
		}
		seen[path] = true
		for _, imported := range all[path] {
			switch {
			case strings.HasPrefix(imported, module):
				visit(imported, trail+" > "+strings.TrimPrefix(imported, module))
			case imported == "github.com/jackc/pgx/v5" && path == module+"internal/catalog":
			case imported == "net", imported == "net/http", strings.HasPrefix(imported, "github.com/jackc/pgx/"):
				t.Errorf("%s > %s", trail, imported)
			}
		}
	}
	const guard = module + "internal/guard"
	if _, ok := all[guard]; !ok {
		t.Fatal("there is no guard")
	}
	visit(guard, "internal/guard")
}

// The command only wires the process to package cli.
func TestMainIsSmall(t *testing.T) {
	source, err := os.ReadFile("../cmd/pgmcp/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(source, []byte("\n")); n > 25 {
		t.Errorf("main.go has %d lines, more than 25", n)
	}
	for _, imported := range packages(t)[module+"cmd/pgmcp"] {
		if strings.HasPrefix(imported, module) && imported != module+"internal/cli" {
			t.Errorf("main.go imports %s", imported)
		}
	}
}

func level(name string) int {
	return slices.IndexFunc(layers, func(layer []string) bool { return slices.Contains(layer, name) })
}

// packages are the module's packages with what they import outside their tests.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	cmd.Dir = ".."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal("go list: ", err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		all[f[0]] = f[1:]
	}
	return all
}

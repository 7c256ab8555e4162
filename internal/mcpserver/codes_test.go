package mcpserver

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Where the sources write a code: as a constant of a code's type, among the
// constants of package query, or into a field.
var writtenCode = regexp.MustCompile(`(?m)(?:\bCode:? *=? *|\bcode :?= *|^\t[A-Z]\w+ += )"([a-z_]+)"`)

// TestCodes reads the codes from the sources: the list has each of them.
func TestCodes(t *testing.T) {
	const ofGuardItself = "internal" // callers get internal_error for it
	codes := Codes()
	found := 0
	for _, dir := range []string{"../guard", "../query", "../llm", "../answer", "."} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			base := filepath.Base(file)
			if strings.HasSuffix(base, "_test.go") || !slices.Contains([]string{"error.go", "refusal.go", "reason.go", "arguments.go", "pipeline.go", "generate.go"}, base) {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range writtenCode.FindAllSubmatch(text, -1) {
				found++
				if code := string(m[1]); code != ofGuardItself && !slices.Contains(codes, code) {
					t.Errorf("%s: %s is not in Codes", file, code)
				}
			}
		}
	}
	if found < len(codes)/2 {
		t.Errorf("only %d codes were found in the sources", found)
	}
}

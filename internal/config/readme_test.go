package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The configuration that the README shows is one that works.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```cue\n")
	example, _, ok := strings.Cut(after, "```")
	if !ok {
		t.Fatal("the README shows no configuration")
	}
	path := filepath.Join(t.TempDir(), "config.cue")
	if err := os.WriteFile(path, []byte(example), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err != nil {
		t.Error(err)
	}
}

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The configuration that the README shows is one that works, and so are the
// verified queries.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var examples []string
	for part := range strings.SplitSeq(string(text), "```cue\n") {
		example, _, _ := strings.Cut(part, "```")
		examples = append(examples, example)
	}
	if len(examples) != 5 {
		t.Fatalf("%d examples, want a configuration, tokens, the setting that names verified queries, and a file of them", len(examples)-1)
	}
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"config.cue":        examples[1] + examples[2] + examples[3],
		"verified/shop.cue": examples[4],
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load("config.cue")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Databases["shop"].Queries) != 1 {
		t.Errorf("queries %v", c.Databases["shop"].Queries)
	}
}

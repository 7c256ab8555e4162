package policy

import (
	_ "embed"
	"strings"
)

// builtinsText says what it is itself.
//
//go:embed builtins.txt
var builtinsText string

// builtins are the names of the functions of pg_catalog that may be called.
func builtins() map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(builtinsText) {
		line, _, _ = strings.Cut(line, "#")
		if name, _, _ := strings.Cut(strings.TrimSpace(line), " "); name != "" {
			names[name] = true
		}
	}
	return names
}

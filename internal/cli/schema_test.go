package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/pgmcp/pgmcp"
	"github.com/pgmcp/pgmcp/internal/config"
)

// To install the schema again renews it, and leaves the module's file alone.
func TestInstallSchema(t *testing.T) {
	const own = "module: \"example.com/conf@v0\"\nlanguage: version: \"v0.9.0\"\n"
	for name, tt := range map[string]struct{ before, after map[string]string }{
		"nothing": {
			nil,
			map[string]string{config.ModuleFile: config.Module, config.SchemaFile: pgmcp.Schema},
		},
		"an older schema": {
			map[string]string{config.ModuleFile: own, config.SchemaFile: "package pgmcp\n"},
			map[string]string{config.ModuleFile: own, config.SchemaFile: pgmcp.Schema},
		},
	} {
		dir := t.TempDir()
		for file, text := range tt.before {
			file = filepath.Join(dir, file)
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if code, _, stderr := run(t, nil, "schema", "--install", dir); code != 0 {
			t.Fatalf("%s: exit code %d, stderr %q", name, code, stderr)
		}
		for file, want := range tt.after {
			if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(got) != want {
				t.Errorf("%s: %s is %q, %v", name, file, got, err)
			}
		}
	}
}

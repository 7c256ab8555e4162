package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/pgmcp/pgmcp/internal/config"
)

// A file that is still being written is not read, though half of it be valid.
func TestReloadIsDue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.cue")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const half = `databases: shop: url: env: "SHOP_URL"` + "\n"
	const whole = half + `security: blocked: columns: ["*.email"]` + "\n"
	write(half + "// before\n")
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	files := cfg.Files(path, nil)
	r := &reloader{path: path, cfg: cfg, files: files, seen: files}
	look := func(want bool, when string) {
		t.Helper()
		if got := r.due(); got != want {
			t.Errorf("%s: a reload is due: %v, want %v", when, got, want)
		}
	}
	look(false, "unchanged")
	write(half)
	look(false, "half written")
	write(whole)
	look(false, "just written")
	look(true, "written")
	r.files = cfg.Files(path, nil)
	look(false, "reloaded")
	r.refused = "a secret is missing"
	look(true, "refused")
	write(half)
	look(false, "refused, and being written again")
}

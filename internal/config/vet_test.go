package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite what the cases expect")

// Each archive in testdata holds a configuration and, in the file "problems",
// what is wrong with it. Its configuration is the file config.cue, or if there
// is none, the folder conf.
func TestProblems(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no cases", err)
	}
	for _, archive := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".txtar"), func(t *testing.T) {
			archive, err := filepath.Abs(archive)
			if err != nil {
				t.Fatal(err)
			}
			a, err := txtar.ParseFile(archive)
			if err != nil {
				t.Fatal(err)
			}
			got := vet(t, a)
			want := &a.Files[len(a.Files)-1]
			if want.Name != "problems" {
				t.Fatal("the last file must be \"problems\"")
			}
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(archive, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(want.Data), got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// vet writes the archive's files into a folder and gives the problems there.
func vet(t *testing.T, a *txtar.Archive) string {
	t.Chdir(t.TempDir())
	path := "conf"
	for _, f := range a.Files {
		if f.Name == "config.cue" {
			path = f.Name
		}
		if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Load(path)
	var invalid *Invalid
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &invalid):
		t.Fatalf("not an *Invalid: %v", err)
	}
	return invalid.Error() + "\n"
}

package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// goldenFolder is the name of folders that hold what scenarios compare with.
// There are no scenarios in them: golden model answers are .txtar files too.
const goldenFolder = "golden"

// goldenOf is the golden folder of the scenario in file: the nearest in its folder
// or above it, else one to be made beside it.
func goldenOf(file string) (string, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	own := filepath.Dir(file)
	for dir := own; ; dir = filepath.Dir(dir) {
		golden := filepath.Join(dir, goldenFolder)
		if info, err := os.Stat(golden); err == nil && info.IsDir() {
			return golden, nil
		}
		if dir == filepath.Dir(dir) {
			return filepath.Join(own, goldenFolder), nil
		}
	}
}

// golden compares a file of the script with one that is kept outside of it.
func (s *scenario) golden(in invocation) error {
	if len(in.args) != 2 {
		return errUsage
	}
	got, err := s.read(in.args[0])
	if err != nil {
		return err
	}
	path := filepath.Join(s.options.Golden, filepath.FromSlash(in.args[1]))
	s.goldens[path] = true
	want, err := os.ReadFile(path)
	switch {
	case err == nil && bytes.Equal(got, want):
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case s.options.Update:
		s.rewritten[path] = got
		return nil
	case err != nil:
		return fmt.Errorf("there is no golden file %s; --update writes it", in.args[1])
	}
	return fmt.Errorf("the golden file differs; --update rewrites it:\n%s",
		diff.Diff("golden/"+in.args[1], want, in.args[0], got))
}

// byFolder finds in a script the golden folder by its path. What becomes of its
// files then, nobody sees.
var byFolder = regexp.MustCompile(`\$\{?FOLDER\}?\S*/` + goldenFolder + `\b`)

// Unused are the files in golden folders that the scenarios at the paths have not
// compared with, been answered from or recorded. It names none of a folder that
// scenarios elsewhere may use: one that is not beside or below a path, a path that
// is no folder, or a scenario that has not passed or uses it in a way of its own.
func Unused(paths []string, results []Result) ([]string, error) {
	used := map[string]bool{}
	unknown := map[string]bool{} // folders
	for _, r := range results {
		maps.Copy(used, r.goldens)
		unknown[r.golden] = unknown[r.golden] || r.Status != Pass || r.opaque
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	var unused []string
	for _, folder := range slices.Sorted(maps.Keys(unknown)) {
		if unknown[folder] || !near(folder, paths) {
			continue
		}
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			hidden := strings.HasPrefix(filepath.Base(path), ".")
			switch {
			case path == folder && errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case d.IsDir() && hidden:
				return fs.SkipDir
			case !d.IsDir() && !hidden && !used[path]:
				if short, err := filepath.Rel(here, path); err == nil {
					path = short
				}
				unused = append(unused, path)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return unused, nil
}

// near reports whether a golden folder is beside or below one of the paths, which
// must all be folders.
func near(golden string, paths []string) bool {
	is := false
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			return false
		}
		path, err := filepath.Abs(path)
		if err != nil {
			return false
		}
		below, err := filepath.Rel(filepath.Dir(path), golden)
		is = is || err == nil && filepath.IsLocal(below)
	}
	return is
}

package replay

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNone is the error of paths at which there are no scenarios.
var ErrNone = errors.New("no scenarios")

// Find lists the scenarios at the paths, sorted and each once: a path is a .txtar
// file, or a folder of such files and of such folders.
func Find(paths ...string) ([]string, error) {
	var files []string
	for _, root := range paths {
		before := len(files)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && path != root && (d.Name() == goldenFolder || strings.HasPrefix(d.Name(), ".")):
				return fs.SkipDir
			case !d.IsDir() && (path == root || filepath.Ext(path) == ".txtar"):
				files = append(files, path)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(files) == before {
			return nil, fmt.Errorf("%w in %s: they are .txtar files", ErrNone, root)
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// Name is what the scenario in file is called: its folder and its name.
func Name(file string) string {
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	return filepath.Base(filepath.Dir(file)) + "/" + strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
}

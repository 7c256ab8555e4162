package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
	"cuelang.org/go/mod/modfile"
	"cuelang.org/go/mod/module"
)

// Where CUE finds the schema for a configuration that says
// import "pgmcp.dev/config:pgmcp", relative to its module's folder. Both files
// are made up when they are absent, so such a configuration needs no set-up.
const (
	ModuleFile = "cue.mod/module.cue"
	SchemaFile = "cue.mod/pkg/pgmcp.dev/config/schema.cue"

	// Module is the text of a ModuleFile that does.
	Module = "module: \"config.local@v0\"\nlanguage: version: \"v0.17.0\"\n"
)

// A Source is the text of a configuration: one file, or the .cue files of a
// folder, which belong together.
type Source struct {
	dir     string // the configuration's folder, where relative paths start
	files   []text
	queries map[string]*Source // of the verified queries, by database; nil before Config
}

type text struct {
	name string // as messages show it
	src  []byte
}

// Read reads the text of the configuration at path, a file or a folder. What
// the text means, and whether it is right, [Source.Config] finds out.
func Read(path string) (*Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	names := []string{path}
	s := &Source{dir: filepath.Dir(path)}
	if info.IsDir() {
		s.dir = path
		if names, err = cueFiles(path); err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
	}
	for _, name := range names {
		if filepath.Ext(name) != ".cue" {
			return nil, fmt.Errorf("read configuration: %s is not a .cue file", name)
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
		s.files = append(s.files, text{name, src})
	}
	return s, nil
}

// cueFiles are the files of dir that CUE would take for one package, sorted.
func cueFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || filepath.Ext(name) != ".cue" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") ||
			strings.HasSuffix(name, "_tool.cue") || strings.HasSuffix(name, "_test.cue") {
			continue
		}
		names = append(names, filepath.Join(dir, name))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no .cue files in %s", dir)
	}
	return names, nil
}

// parse parses the files; the error has every mistake in all of them.
func (s *Source) parse() ([]*ast.File, error) {
	var files []*ast.File
	var errs cueerrors.Error
	for _, t := range s.files {
		f, err := parser.ParseFile(t.name, t.src, parser.AllErrors)
		if err != nil {
			errs = cueerrors.Append(errs, cueerrors.Promote(err, "parse"))
		}
		files = append(files, f)
	}
	if errs != nil {
		return nil, errs
	}
	return files, nil
}

// evaluate gives the value that the files have together, with nothing of the schema in it.
func (s *Source) evaluate(schema cue.Value, files []*ast.File) (cue.Value, error) {
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return cue.Value{}, err
	}
	overlay := map[string]load.Source{}
	if slices.ContainsFunc(files, imports) { // perhaps the schema
		root := moduleRoot(dir)
		overlay[filepath.Join(root, SchemaFile)] = load.FromString(openSchema(schema))
		if _, err := os.Stat(filepath.Join(root, ModuleFile)); err != nil {
			overlay[filepath.Join(root, ModuleFile)] = load.FromString(Module)
		}
	}
	var names []string
	for i, f := range files {
		name := filepath.Base(s.files[i].name)
		names = append(names, name)
		overlay[filepath.Join(dir, name)] = load.FromFile(f)
	}
	instances := load.Instances(names, &load.Config{
		Dir:      dir,
		Overlay:  overlay,
		Registry: offline{},
		Env:      []string{}, // the same configuration everywhere, whatever CUE_… is set to
	})
	if err := instances[0].Err; err != nil {
		return cue.Value{}, err
	}
	//lint:ignore SA1019 an imported definition is found only in the context it was made in
	v := schema.Context().BuildInstance(instances[0])
	if _, err := v.Fields(); err != nil && v.Err() != nil {
		return v, v.Err() // nothing can be said of its fields
	}
	return v, nil
}

// unlink parses the files again and lets every reference that err calls
// unresolved be anything, and leaves out every import it calls unused, so that
// they hide no other mistake. The error is err, if it says more than that.
func (s *Source) unlink(err error) ([]*ast.File, error) {
	at := map[token.Position]bool{}
	for _, e := range cueerrors.Errors(err) {
		if _, ok := unresolved(e); !ok && !isUnusedImport(e) {
			return nil, err
		}
		at[e.Position().Position()] = true
	}
	files, err := s.parse()
	for _, f := range files {
		f.Decls = slices.DeleteFunc(f.Decls, func(d ast.Decl) bool {
			imports, ok := d.(*ast.ImportDecl)
			if ok {
				imports.Specs = slices.DeleteFunc(imports.Specs, func(i *ast.ImportSpec) bool { return at[i.Pos().Position()] })
			}
			return ok && len(imports.Specs) == 0
		})
		ast.Walk(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && at[id.Pos().Position()] {
				id.Name = "_"
			}
			return true
		}, nil)
	}
	return files, err
}

// moduleRoot is the nearest folder at or above dir with a cue.mod, else dir.
func moduleRoot(dir string) string {
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, ModuleFile)); err == nil {
			return d
		}
		if d == filepath.Dir(d) {
			return dir
		}
	}
}

func imports(f *ast.File) bool {
	for range f.ImportSpecs() {
		return true
	}
	return false
}

// openSchema has the schema's definitions and lets them hold anything: a
// configuration that unifies itself with #Config is then still only what its
// author wrote, and is examined like any other.
func openSchema(schema cue.Value) string {
	var b strings.Builder
	b.WriteString("package pgmcp\n")
	for fields, err := schema.Fields(cue.Definitions(true)); err == nil && fields.Next(); {
		anything := "_"
		if fields.Value().IncompleteKind() == cue.StructKind {
			anything = "{...}" // a definition that is embedded closes the struct around it; this one does not
		}
		fmt.Fprintf(&b, "%s: %s\n", fields.Selector(), anything)
	}
	return b.String()
}

// offline is a registry that has nothing: a configuration never leads to the network.
type offline struct{}

var errOffline = errors.New("pgmcp fetches no CUE modules: copy the package into cue.mod/pkg")

func (offline) ModFile(context.Context, module.Version) (*modfile.File, error) {
	return nil, errOffline
}

func (offline) Fetch(context.Context, module.Version) (module.SourceLoc, error) {
	return module.SourceLoc{}, errOffline
}

func (offline) ModuleVersions(context.Context, string) ([]string, error) { return nil, errOffline }

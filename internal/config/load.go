package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"

	"github.com/pgmcp/pgmcp"
)

// Load reads and checks the configuration at path, a file or a folder of .cue
// files. One with problems gives an *[Invalid]; one that cannot be read,
// another error. Relative paths in it are made relative to its folder.
func Load(path string) (*Config, error) {
	s, err := Read(path)
	if err != nil {
		return nil, err
	}
	return s.Config()
}

// Config is what the source says, if it is right; else the error is an *[Invalid].
func (s *Source) Config() (*Config, error) {
	x := &examination{source: s, said: map[string]bool{}}
	c := new(Config)
	x.run("#Config", c)
	if len(x.problems) > 0 {
		return nil, &Invalid{x.sorted()}
	}
	c.resolve(s.dir)
	if problems := s.readQueries(c); len(problems) > 0 {
		return nil, &Invalid{problems}
	}
	return c, nil
}

// run reads, examines and decodes into v what is of a definition of the schema.
// It is good if that found no problem.
func (x *examination) run(definition string, v any) {
	files, err := x.source.parse()
	if err != nil {
		x.addErrors(err)
		return
	}
	// CUE keeps values as long as their context: nothing of this one leaves.
	schema := cuecontext.New().CompileString(pgmcp.Schema, cue.Filename("schema.cue"))
	x.files = files
	user, err := x.source.evaluate(schema, files)
	if err != nil {
		x.addErrors(err)
		for _, e := range errors.Errors(err) {
			if p := pathOf(e); len(p) > 0 {
				x.said[p.String()] = true
			}
		}
		if x.files, err = x.source.unlink(err); err != nil {
			return
		}
		x.loose = true
		if user, err = x.source.evaluate(schema, x.files); err != nil {
			x.addErrors(err)
			return
		}
	}
	schema = schema.LookupPath(cue.ParsePath(definition))
	all := schema.Unify(user)
	err = all.Validate(cue.Concrete(true), cue.Final())
	if err == nil {
		err = all.Decode(v)
	}
	if err != nil {
		x.explain(schema, user, all)
		if len(x.problems) == 0 {
			x.addErrors(err)
		}
	}
}

// Problem is something that turned out to be wrong with a setting of a good
// configuration, at the place where the setting is written.
func (s *Source) Problem(message, hint string, setting ...string) Problem {
	files, err := s.parse()
	if err != nil {
		return Problem{Path: pathTo(setting...).String(), Message: message, Hint: hint}
	}
	x := &examination{source: s, files: files}
	x.addLabel(pathTo(setting...), pathTo(setting...), message, hint)
	return x.problems[0]
}

// ElementProblem is [Source.Problem] about one element of a list, at the place
// where it is written.
func (s *Source) ElementProblem(element, message, hint string, setting ...string) Problem {
	p := s.Problem(message, hint, setting...)
	files, err := s.parse()
	if err != nil {
		return p
	}
	x := &examination{source: s, files: files}
	for _, field := range x.written(pathTo(setting...)) {
		if pos := elementPos(field.Value, element); pos.IsValid() {
			p.File, p.Line, p.Column = pos.Filename(), pos.Line(), pos.Column()
			break
		}
	}
	return p
}

// resolve makes the relative paths in c relative to dir.
func (c *Config) resolve(dir string) {
	resolve := func(path *string) {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
	for name, db := range c.Databases {
		resolve(&db.URL.File)
		resolve(&db.Verified)
		c.Databases[name] = db
	}
	resolve(&c.Answers.Calibration)
	for name, token := range c.Server.Tokens {
		resolve(&token.Token.File)
		c.Server.Tokens[name] = token
	}
	if c.Observability.Audit != nil {
		resolve(&c.Observability.Audit.File)
	}
	if c.LLM != nil {
		resolve(&c.LLM.Replay)
		if c.LLM.APIKey != nil {
			resolve(&c.LLM.APIKey.File)
		}
		if c.LLM.Judge != nil && c.LLM.Judge.APIKey != nil {
			resolve(&c.LLM.Judge.APIKey.File)
		}
	}
}

// addErrors notes errors of CUE as they are.
func (x *examination) addErrors(err error) {
	for _, e := range errors.Errors(err) {
		hint := ""
		switch name, ok := unresolved(e); {
		case !ok:
		case name == "pgmcp":
			hint = `import "pgmcp.dev/config:pgmcp" first`
		case slices.Contains([]string{"yes", "no", "on", "off"}, strings.ToLower(name)):
			hint = "it is true or false"
		default:
			hint = fmt.Sprintf("text is written in quotes: %q", name)
		}
		p := pathOf(e)
		if len(p) > 0 && p[0].IsDefinition() {
			p = p[1:]
		}
		x.add(e.Position(), p, message(e), hint)
	}
}

// unresolved is the name in the error of a reference that leads nowhere.
func unresolved(e errors.Error) (string, bool) {
	format, args := e.Msg()
	if format != "reference %q not found" || len(args) != 1 {
		return "", false
	}
	return fmt.Sprint(args[0]), true
}

func isUnusedImport(e errors.Error) bool {
	format, _ := e.Msg()
	return strings.HasPrefix(format, "imported and not used")
}

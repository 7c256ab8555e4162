package config

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"
)

// A Query is SQL that the operator vouches for, and the questions that it answers.
type Query struct {
	Questions  []string             `json:"questions"`  // with {NAME} for parameters
	Parameters map[string]Parameter `json:"parameters"` // by name
	SQL        string               `json:"sql"`        // with {NAME} where values belong
}

// A Parameter is what stands for {NAME} in a question.
type Parameter struct {
	Type   string   `json:"type"`   // "text", "int", "number" or "date"
	Values []string `json:"values"` // the only texts that are taken; empty: all
}

// queryFile is a file of verified queries.
type queryFile struct {
	Queries map[string]Query `json:"queries"`
}

// readQueries reads the verified queries of every database into c, and returns
// what is wrong with their files.
func (s *Source) readQueries(c *Config) []Problem {
	var problems []Problem
	s.queries = map[string]*Source{}
	for _, name := range slices.Sorted(maps.Keys(c.Databases)) {
		db := c.Databases[name]
		if db.Verified == "" {
			continue
		}
		source, err := Read(db.Verified)
		if err != nil {
			problems = append(problems, s.Problem(strings.TrimPrefix(err.Error(), "read configuration: "), "", "databases", name, "verified"))
			continue
		}
		var f queryFile
		x := &examination{source: source, said: map[string]bool{}}
		x.run("#VerifiedQueries", &f)
		problems = append(problems, x.sorted()...)
		db.Queries = f.Queries
		c.Databases[name], s.queries[name] = db, source
	}
	return problems
}

// QueryProblem is something that turned out to be wrong with a verified query of
// a database, at the place in its file where the field is written. Position,
// unless it is 0, is where in that field's text, in characters from 1.
func (s *Source) QueryProblem(database, message, hint string, position int, field ...string) Problem {
	source := s.queries[database]
	p := source.Problem(message, hint, field...)
	if position == 0 {
		return p
	}
	files, err := source.parse()
	if err != nil {
		return p
	}
	x := &examination{source: source, files: files}
	for _, f := range x.written(pathTo(field...)) {
		if lit, ok := f.Value.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			p.Line, p.Column = inLiteral(lit, position)
		}
	}
	return p
}

// inLiteral is the place of a character of the text that a literal stands for:
// the literal itself, if it has escapes.
func inLiteral(lit *ast.BasicLit, position int) (line, column int) {
	start := lit.Pos()
	line, column = start.Line(), start.Column()
	if strings.Contains(lit.Value, `\`) || strings.HasPrefix(lit.Value, "#") || strings.HasPrefix(lit.Value, "'") {
		return line, column
	}
	before := func(text string) int { return len(string([]rune(text)[:position-1])) } // in bytes, as CUE counts
	body, many := strings.CutPrefix(lit.Value, "\"\"\"\n")
	if !many {
		return line, column + 1 + before(lit.Value[1:])
	}
	lines := strings.Split(body, "\n")
	indent := len(lines[len(lines)-1]) - len(`"""`)
	for _, text := range lines[:len(lines)-1] {
		line++
		text = text[min(indent, len(text)):]
		n := utf8.RuneCountInString(text) + 1 // with the line's end
		if position <= n {
			return line, indent + 1 + before(text)
		}
		position -= n
	}
	return line, column
}

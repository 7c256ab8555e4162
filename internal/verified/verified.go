// Package verified answers questions with SQL that the operator vouches for. It
// finds the one query that a question asks for in its own words, takes the values
// of its parameters from the question, and binds them as literals. It runs
// nothing and allows nothing: what it gives is text for the guard to judge.
package verified

import (
	"maps"
	"slices"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
)

// A Set is the verified queries of one database.
type Set struct{ queries []query }

// A query is one that nothing is wrong with by itself.
type query struct {
	name      string
	template  *guard.Template
	questions []pattern
	kinds     map[string]kind // of the parameters, by name
}

// New compiles queries. One that is wrong in itself is left out of the set, and
// the problems say why.
func New(queries map[string]config.Query) (*Set, []Problem) {
	s := &Set{}
	var problems []Problem
	for _, name := range slices.Sorted(maps.Keys(queries)) {
		q, wrong := compile(name, queries[name])
		if len(wrong) == 0 {
			s.queries = append(s.queries, q)
		}
		problems = append(problems, wrong...)
	}
	return s, append(problems, s.overlaps(queries)...)
}

// A Hit is a verified query that a question asks for.
type Hit struct {
	Name string
	SQL  string // with the question's values in it
}

// Find is the query that a question asks for, or nil. If it asks for several,
// it asks for none. The error is a *guard.Refusal: the values make no statement.
func (s *Set) Find(question string) (*Hit, error) {
	if s == nil {
		return nil, nil
	}
	text := trimmed(question)
	var found *query
	var values map[string]guard.Literal
	for i := range s.queries {
		q := &s.queries[i]
		v, ok := q.match(text)
		if !ok {
			continue
		}
		if found != nil {
			return nil, nil
		}
		found, values = q, v
	}
	if found == nil {
		return nil, nil
	}
	b, err := found.template.Bind(values)
	if err != nil {
		return nil, err
	}
	return &Hit{found.name, b.SQL}, nil
}

// match reports whether a trimmed text asks for q, and the values in it.
func (q *query) match(text string) (map[string]guard.Literal, bool) {
	for _, p := range q.questions {
		if values, ok := p.match(text, q.kinds); ok {
			return values, true
		}
	}
	return nil, false
}

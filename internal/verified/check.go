package verified

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// A Problem is something wrong with a verified query.
type Problem struct {
	Field    []string // where in the file, such as queries, NAME, sql
	Position int      // in the text of that field, in characters from 1; 0: none
	Message  string
	Hint     string
}

func problem(name, field, format string, args ...any) Problem {
	return Problem{Field: []string{"queries", name, field}, Message: fmt.Sprintf(format, args...)}
}

// refused is the problem of SQL that the guard refuses, err, at a position in it.
func refused(name string, err error, position func(int) int) Problem {
	p := problem(name, "sql", "%v", err)
	if r, ok := errors.AsType[*guard.Refusal](err); ok {
		p.Message, p.Hint, p.Position = fmt.Sprintf("%s: %s", r.Code, r.Message), r.Hint, position(r.Position)
	}
	return p
}

// compile makes a query, or says what is wrong with it.
func compile(name string, c config.Query) (query, []Problem) {
	q := query{name: name, kinds: map[string]kind{}}
	var problems []Problem
	add := func(p Problem) { problems = append(problems, p) }

	for _, parameter := range slices.Sorted(maps.Keys(c.Parameters)) {
		k, err := kindOf(c.Parameters[parameter])
		if err != nil {
			p := problem(name, "parameters", "%v", err)
			p.Field = append(p.Field, parameter, "values")
			add(p)
			continue
		}
		q.kinds[parameter] = k
	}
	if len(problems) > 0 {
		return q, problems
	}

	t, err := guard.ParseTemplate(c.SQL)
	if err != nil {
		add(refused(name, err, func(p int) int { return p }))
	} else {
		q.template = t
	}
	for _, question := range c.Questions {
		p, err := parseQuestion(question, q.kinds)
		if err != nil {
			add(problem(name, "questions", "%q: %v", question, err))
			continue
		}
		q.questions = append(q.questions, p)
		// A question must give every value that the SQL wants; one that it has no
		// use for would be a condition that is dropped.
		for _, parameter := range slices.Sorted(maps.Keys(q.kinds)) {
			if !slices.Contains(p.names, parameter) {
				add(problem(name, "questions", "%q does not say {%s}", question, parameter))
			}
		}
	}
	if t == nil {
		return q, problems
	}
	for _, parameter := range slices.Sorted(maps.Keys(q.kinds)) {
		if !slices.Contains(t.Names(), parameter) {
			p := problem(name, "sql", "it has no use for {%s}, so the answer would not depend on it", parameter)
			p.Hint = fmt.Sprintf("write {%s}, without quotes, where the value belongs", parameter)
			add(p)
		}
	}
	for _, parameter := range t.Names() {
		if _, ok := q.kinds[parameter]; !ok {
			add(problem(name, "sql", "there is no parameter %q", parameter))
		}
	}
	return q, problems
}

// overlaps are the questions that ask for more than one query, and so for none.
func (s *Set) overlaps(queries map[string]config.Query) []Problem {
	var problems []Problem
	for i := range s.queries {
		q := &s.queries[i]
		for _, question := range queries[q.name].Questions {
			text := trimmed(place.ReplaceAllStringFunc(question, func(p string) string {
				return q.kinds[strings.Trim(p, "{}")].samples[0]
			}))
			for j := range s.queries {
				other := &s.queries[j]
				if _, ok := other.match(text); ok && i != j {
					problems = append(problems, problem(q.name, "questions", "%q can ask for the query %s too, and then asks for none", question, other.name))
				}
			}
		}
	}
	return problems
}

// Check holds every query of the set against a policy, with each of the values
// that it may have if they are listed, and says which are refused. Plan, if not
// nil, has a statement planned; its error may be a *guard.Refusal too.
func (s *Set) Check(p *policy.Policy, plan func(guard.Statement) error) []Problem {
	var problems []Problem
	for i := range s.queries {
		q := &s.queries[i]
		for _, b := range q.bound() {
			st, err := guard.Check(b.SQL, p)
			if err == nil && plan != nil {
				err = plan(st)
			}
			if err != nil {
				problems = append(problems, refused(q.name, err, b.At))
				break
			}
		}
	}
	return problems
}

// bound are statements that between them have each value to be tried.
func (q *query) bound() []guard.Bound {
	n := 1
	tried := map[string][]guard.Literal{}
	for name, k := range q.kinds {
		tried[name] = k.literals()
		n = max(n, len(tried[name]))
	}
	var out []guard.Bound
	for i := range n {
		values := map[string]guard.Literal{}
		for name, literals := range tried {
			values[name] = literals[i%len(literals)]
		}
		if b, err := q.template.Bind(values); err == nil {
			out = append(out, b)
		}
	}
	return out
}

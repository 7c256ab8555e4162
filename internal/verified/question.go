package verified

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pgmcp/pgmcp/internal/guard"
)

// A pattern is a question with places for values.
type pattern struct {
	regexp *regexp.Regexp
	names  []string // of the parameters, by the groups of regexp
}

// trimmed is a question without what does not matter at its ends: space, and the
// mark behind it.
func trimmed(question string) string {
	return strings.TrimRight(strings.TrimSpace(question), ".?!… \t\r\n")
}

// words is a regular expression for a text whose space may be of any length.
func words(text string) string {
	return space.ReplaceAllLiteralString(regexp.QuoteMeta(text), `\s+`)
}

var space = regexp.MustCompile(`\s+`)

// place finds {name} in a question.
var place = regexp.MustCompile(`\{([a-z][a-z0-9_]*)\}`)

// parseQuestion makes a pattern of a question whose parameters are of these kinds.
func parseQuestion(question string, kinds map[string]kind) (pattern, error) {
	question = trimmed(question)
	var p pattern
	var b strings.Builder
	b.WriteString(`(?i)^`)
	end := 0
	for _, at := range place.FindAllStringSubmatchIndex(question, -1) {
		name, between := question[at[2]:at[3]], question[end:at[0]]
		k, ok := kinds[name]
		switch {
		case !ok:
			return p, fmt.Errorf("there is no parameter %q", name)
		case end > 0 && !space.MatchString(between):
			return p, fmt.Errorf("{%s} and what stands before it cannot be told apart: put a space between them", name)
		}
		b.WriteString(words(between) + `(` + k.pattern + `)`)
		p.names = append(p.names, name)
		end = at[1]
	}
	if left := place.ReplaceAllString(question, ""); strings.ContainsAny(left, "{}") {
		return p, errors.New("braces are for the names of parameters, such as {id}")
	} else if strings.TrimSpace(left) == "" {
		return p, errors.New("it has no words beside its parameters")
	}
	b.WriteString(words(question[end:]) + `$`)
	var err error
	p.regexp, err = regexp.Compile(b.String())
	return p, err
}

// match reports whether a trimmed text asks the question, and the values in it.
// One that stands there twice must be the same.
func (p pattern) match(text string, kinds map[string]kind) (map[string]guard.Literal, bool) {
	groups := p.regexp.FindStringSubmatch(text)
	if groups == nil {
		return nil, false
	}
	values := map[string]guard.Literal{}
	for i, name := range p.names {
		v, ok := kinds[name].read(groups[i+1])
		if before, given := values[name]; !ok || given && before != v {
			return nil, false
		}
		values[name] = v
	}
	return values, true
}

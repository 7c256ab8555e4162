package verified

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
)

// A kind is what a parameter takes. Patterns have no groups, and match no text
// with a space in it that is not in quotes.
type kind struct {
	pattern string
	read    func(string) (guard.Literal, bool)
	samples []string // texts that it takes; all of them, if they are listed
	any     bool     // it takes what only a certain column may make sense of
}

// literals are values to try a statement with: all of them, if they are listed.
func (k kind) literals() []guard.Literal {
	if k.any {
		return []guard.Literal{guard.Null()}
	}
	var out []guard.Literal
	for _, s := range k.samples {
		v, _ := k.read(s) // it takes them
		out = append(out, v)
	}
	return out
}

// kinds are those of parameters that are not bound to certain values, by type.
var kinds = map[string]kind{
	// Of a bare text nobody could tell where it ends: "orders of Ann who live in
	// Rome" must not ask for the orders of somebody called "Ann who live in Rome".
	"text": {
		pattern: `"[^"]+"|'[^']+'|“[^”]+”|‘[^’]+’|[^\s"'“‘][^\s"“”]*`,
		read:    func(s string) (guard.Literal, bool) { return guard.Text(unquoted(s)), true },
		samples: []string{"x"},
		any:     true,
	},
	"int": {
		pattern: `[-+]?[0-9]{1,19}`,
		read: func(s string) (guard.Literal, bool) {
			n, err := strconv.ParseInt(s, 10, 64)
			return guard.Int(n), err == nil
		},
		samples: []string{"1"},
	},
	"number": {
		pattern: `[-+]?[0-9]{1,30}(?:\.[0-9]{1,30})?`,
		read:    func(s string) (guard.Literal, bool) { return guard.Number(strings.TrimPrefix(s, "+")), true },
		samples: []string{"1"},
	},
	"date": {
		pattern: `[0-9]{4}-[0-9]{2}-[0-9]{2}`,
		read: func(s string) (guard.Literal, bool) {
			t, err := time.Parse(time.DateOnly, s)
			return guard.Date(t), err == nil && t.Year() > 0
		},
		samples: []string{"2025-01-31"},
	},
}

// unquoted is a text without the quotes around it, if it has any.
func unquoted(s string) string {
	for _, quotes := range []string{`""`, `''`, `“”`, `‘’`} {
		q := []rune(quotes)
		if inner, ok := strings.CutPrefix(s, string(q[0])); ok {
			if inner, ok = strings.CutSuffix(inner, string(q[1])); ok {
				return inner
			}
		}
	}
	return s
}

// kindOf is the kind of a parameter. What it cannot be made of, the error says.
func kindOf(p config.Parameter) (kind, error) {
	if len(p.Values) == 0 {
		return kinds[p.Type], nil
	}
	known := map[string]string{} // what a question says in lower case, to the value
	var all []string
	for _, v := range p.Values {
		said := folded(v)
		if _, twice := known[said]; said == "" || twice {
			return kind{}, fmt.Errorf("the value %q cannot be told from another or from nothing: case, space and marks at its end do not matter", v)
		}
		known[said] = v
		all = append(all, words(trimmed(v)))
	}
	list := strings.Join(all, "|")
	return kind{
		pattern: `(?:` + list + `)|"(?:` + list + `)"`,
		read: func(s string) (guard.Literal, bool) {
			v, ok := known[folded(unquoted(s))]
			return guard.Text(v), ok
		},
		samples: p.Values,
	}, nil
}

// folded is a text without what does not matter in a value that is known.
func folded(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(trimmed(s)), " "))
}

package mcpserver

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/pgmcp/pgmcp/internal/nearest"
	"github.com/pgmcp/pgmcp/internal/observe"
)

// readArguments decodes the arguments of a call, all of which are strings. One
// that does not fit the schema is a *[Reason] that says what would: a model
// learns more from it than from a validator's words.
func readArguments[In any](raw json.RawMessage, schema *jsonschema.Schema) (in In, err error) {
	var given map[string]json.RawMessage
	if len(raw) > 0 && json.Unmarshal(raw, &given) != nil {
		return in, invalidArguments("", "the arguments are no JSON object")
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		p := schema.Properties[name]
		if p == nil {
			known := slices.Sorted(maps.Keys(schema.Properties))
			return in, invalidArguments(oneOf(name, known), "there is no argument %q", name)
		}
		value, ok := text(given[name])
		switch {
		case !ok:
			return in, invalidArguments("", "argument %q must be a string", name)
		case p.MaxLength != nil && utf8.RuneCountInString(value) > *p.MaxLength:
			return in, invalidArguments("", "argument %q has more than %d characters", name, *p.MaxLength)
		case p.Enum != nil && !slices.Contains(p.Enum, any(value)):
			var allowed []string
			for _, v := range p.Enum {
				allowed = append(allowed, fmt.Sprint(v))
			}
			return in, invalidArguments(oneOf(value, allowed), "argument %q cannot be %q", name, value)
		}
	}
	for _, name := range schema.Required {
		if given[name] == nil {
			return in, invalidArguments("", "argument %q is missing", name)
		}
	}
	if len(raw) > 0 {
		err = json.Unmarshal(raw, &in)
	}
	return in, err
}

// text is a JSON string's text.
func text(raw json.RawMessage) (s string, ok bool) {
	ok = raw[0] == '"' && json.Unmarshal(raw, &s) == nil
	return s, ok
}

// oneOf is the hint that a name should have been one of those allowed.
func oneOf(mistyped string, allowed []string) string {
	names := strings.Join(allowed, ", ")
	if near := nearest.Name(mistyped, allowed); near != "" {
		return fmt.Sprintf("did you mean %q? There are: %s", near, names)
	}
	return "there are: " + cmp.Or(names, "none")
}

func invalidArguments(hint, format string, args ...any) *Reason {
	return &Reason{Code: "invalid_arguments", Message: fmt.Sprintf(format, args...), Hint: hint, outcome: observe.Refused}
}

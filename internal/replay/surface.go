package replay

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/pgmcp/pgmcp/internal/config"
)

// A Surface is the parts of pgmcp that scenarios can touch, by name: tools that
// are called, codes and statuses that come back from them, and settings that
// configurations hold.
type Surface struct {
	Tools    []string
	Codes    []string
	Statuses []string
	Settings []string
}

// Coverage says which parts of a surface were touched, and which were not, each
// in the order of the surface.
type Coverage struct{ Touched, Untouched Surface }

// Cover compares what the results touched with all there is.
func (all Surface) Cover(results []Result) Coverage {
	var c Coverage
	divide := func(part func(*Surface) *[]string) {
		seen := map[string]bool{}
		for i := range results {
			for _, name := range *part(&results[i].Touched) {
				seen[name] = true
			}
		}
		*part(&c.Touched), *part(&c.Untouched) = []string{}, []string{} // no null in a report
		for _, name := range *part(&all) {
			into := part(&c.Untouched)
			if seen[name] {
				into = part(&c.Touched)
			}
			*into = append(*into, name)
		}
	}
	for i := range results {
		for _, text := range results[i].configs {
			results[i].Touched.Settings = append(results[i].Touched.Settings, config.Written(text, all.Settings)...)
		}
	}
	divide(func(s *Surface) *[]string { return &s.Tools })
	divide(func(s *Surface) *[]string { return &s.Codes })
	divide(func(s *Surface) *[]string { return &s.Statuses })
	divide(func(s *Surface) *[]string { return &s.Settings })
	return c
}

// touches are the names that a scenario has touched so far. Codes and statuses
// may be of more kinds than a Surface lists.
type touches struct{ tools, codes, statuses map[string]bool }

func newTouches() touches {
	return touches{map[string]bool{}, map[string]bool{}, map[string]bool{}}
}

// read takes in the codes and statuses of what a tool said.
func (t touches) read(structured json.RawMessage) {
	var v any
	if json.Unmarshal(structured, &v) == nil {
		t.walk(v)
	}
}

func (t touches) walk(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			t.walk(e)
		}
	case map[string]any:
		for key, e := range v {
			word, _ := e.(string)
			switch {
			case key == "code" && word != "":
				t.codes[word] = true
			case key == "status" && word != "":
				t.statuses[word] = true
			default:
				t.walk(e)
			}
		}
	}
}

func (t touches) surface() Surface {
	return Surface{
		Tools:    slices.Sorted(maps.Keys(t.tools)),
		Codes:    slices.Sorted(maps.Keys(t.codes)),
		Statuses: slices.Sorted(maps.Keys(t.statuses)),
	}
}

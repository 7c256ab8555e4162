package answer

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// A span is a part of a question that may name a value.
type span struct {
	text  string
	alike bool // a value that only resembles it may be meant
}

// Each is compiled for the first question: that takes longer than the start of
// most commands that ask none.
var (
	inMarks = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`"([^"]{1,80})"|“([^”]{1,80})”|«([^»]{1,80})»|(?:^|\s)'([^']{1,80})'`)
	})
	words = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}_.&/+'’-]*[\p{L}\p{N}\p{M}])?`)
	})
)

// spansOf are what stands in quotation marks in a question, its runs of
// capitalised words, and its numbers and codes; each once, in this order.
func spansOf(question string) []span {
	const most = 12
	var spans []span
	add := func(text string, alike bool) {
		text = strings.Trim(text, " .'’-")
		for _, s := range []string{"'s", "’s"} {
			text = strings.TrimSuffix(text, s)
		}
		if len(text) > 1 && len(spans) < most && !slices.ContainsFunc(spans, func(s span) bool { return s.text == text }) {
			spans = append(spans, span{text, alike})
		}
	}
	for _, m := range inMarks().FindAllStringSubmatch(question, -1) {
		add(strings.Join(m[1:], ""), true)
	}
	all := words().FindAllStringIndex(question, -1)
	word := func(i int) string { return question[all[i][0]:all[i][1]] }
	together := func(i int) bool { return question[all[i-1][1]:all[i][0]] == " " }
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && capital(word(j)) && (j == i || together(j)) {
			j++
		}
		if j == i {
			i++
			continue
		}
		// Any first word has a capital, and seldom names anything.
		run := func(from int) string { return question[all[from][0]:all[j-1][1]] }
		if i > 0 {
			add(run(i), true)
		} else {
			add(run(0), false)
			if j > 1 {
				add(run(1), true)
			}
		}
		i = j
	}
	for i := range all {
		if strings.ContainsFunc(word(i), unicode.IsDigit) {
			add(word(i), false)
		}
	}
	return spans
}

func capital(word string) bool { return unicode.IsUpper([]rune(word)[0]) }

// A ground is a value of the database that a question seems to name.
type ground struct {
	relation *catalog.Relation // as it is shown
	column   string
	value    string
	said     string // the part of the question
}

// exact reports whether the question names the value as it is, but for its case.
func (g ground) exact() bool { return strings.EqualFold(g.value, g.said) }

// maxGrounds bounds how many values are named in a prompt.
const maxGrounds = 12

// grounds finds the spans of a question in the statistics. It returns those that
// are not there as well.
func (v view) grounds(spans []span) (found []ground, missing []span) {
	if v.values != valuesStats && v.values != valuesLookup {
		return nil, nil
	}
	columns := map[catalog.ColumnID]ground{}
	for _, r := range v.policy.Shown().Relations {
		for i := range r.Columns {
			columns[catalog.ColumnID{Relation: r.OID, Number: r.Columns[i].Number}] = ground{relation: r, column: r.Columns[i].Name}
		}
	}
	for _, s := range spans {
		matches := v.statistics.Find(s.text, s.alike)
		slices.SortFunc(matches, func(a, b catalog.Found) int { return cmp.Compare(b.Similarity, a.Similarity) })
		best := 0.0
		var here []ground
		for _, m := range matches {
			g, shown := columns[m.Column]
			if !shown || !showable(m.Value) || m.Similarity < best {
				continue
			}
			best = m.Similarity
			g.value, g.said = m.Value, s.text
			here = append(here, g)
		}
		if best < 1 {
			missing = append(missing, s)
		}
		found = append(found, here...)
	}
	return inPlace(found), missing
}

// inPlace are grounds in order, each once, and not too many.
func inPlace(grounds []ground) []ground {
	slices.SortFunc(grounds, func(a, b ground) int {
		return cmp.Or(cmp.Compare(a.said, b.said), cmp.Compare(a.relation.String(), b.relation.String()),
			cmp.Compare(a.column, b.column), cmp.Compare(a.value, b.value))
	})
	grounds = slices.Compact(grounds)
	return grounds[:min(len(grounds), maxGrounds)]
}

// groundsText is the grounds as a prompt shows them.
func groundsText(grounds []ground) string {
	if len(grounds) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("Values of the database that the question may mean:\n")
	for _, g := range grounds {
		b.WriteString(g.String() + "\n")
	}
	return b.String() + "\n"
}

// String is the ground as a line of a prompt.
func (g ground) String() string {
	line := fmt.Sprintf("  %s.%s has %s", g.relation.Quoted(), catalog.Quote(g.column), literal(g.value))
	if g.exact() {
		return line
	}
	return line + ", which is like " + quoted(plain(g.said, 80))
}

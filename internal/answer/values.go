package answer

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// How much of the values in a database prompts hold, as answers.values says.
const (
	valuesOff    = "off"
	valuesEnum   = "enum"
	valuesStats  = "stats"
	valuesLookup = "lookup"
)

// Which values are shown must not depend on which rows ANALYZE has sampled, or
// prompts would change with each run. Of a table of any size it samples 30,000
// rows, so that a share of 0.5 % is off by 0.12 points at most three times in a
// thousand. A column whose values are as common as that, but for one row in
// twenty, has few values, and they are the same each time. Those of a column with
// many values thin out, and any share would stand close to one of them: they are
// cut where the step from one to the next is widest, above manyShare.
const (
	fewShare    = 0.005
	fewCoverage = 0.95
	manyShare   = 0.03
	maxValues   = 30
	maxValue    = 40 // characters
	maxWord     = 24 // bytes
)

// valuesText is what a prompt shows of the values in a column, behind the column.
// It is empty for what is not to be shown, or hardly says anything.
func valuesText(s *catalog.ColumnStatistics, typ, mode string) string {
	if s == nil || mode == valuesOff {
		return ""
	}
	if values, few := fewValues(s); few {
		return "  values:" + listed(values, typ)
	}
	if values := commonest(s); mode != valuesEnum && len(values) > 0 {
		return "  common values:" + listed(values, typ)
	}
	return ""
}

// fewValues are the values of a column that holds few different ones, rare ones
// left out, in order.
func fewValues(s *catalog.ColumnStatistics) (values []string, few bool) {
	covered := 0.0
	for _, c := range s.Common {
		if c.Share < fewShare {
			continue
		}
		if !showable(c.Value) {
			return nil, false
		}
		values = append(values, c.Value)
		covered += c.Share
	}
	few = len(values) > 0 && len(values) <= maxValues && covered >= fewCoverage*(1-s.Nulls)
	inOrder(values)
	return values, few
}

// commonest are the values above the widest step from one share to the next
// smaller one, in order; none if they are too many.
func commonest(s *catalog.ColumnStatistics) []string {
	cut, widest := 0, 0.0
	for i, c := range s.Common { // the most common first
		if c.Share < manyShare {
			break
		}
		step := math.Inf(1)
		if i+1 < len(s.Common) {
			step = c.Share / s.Common[i+1].Share
		}
		if step > widest {
			cut, widest = i+1, step
		}
	}
	if cut > maxValues {
		return nil
	}
	var values []string
	for _, c := range s.Common[:cut] {
		if showable(c.Value) {
			values = append(values, c.Value)
		}
	}
	inOrder(values)
	return values
}

// known reports whether s has every value of its column, and whether value is one of
// those that it has, whatever its case.
func known(s *catalog.ColumnStatistics, value string) (whole, found bool) {
	if s == nil {
		return false, false
	}
	covered := s.Nulls
	for _, c := range s.Common {
		covered += c.Share
		found = found || strings.EqualFold(c.Value, value)
	}
	found = found || slices.ContainsFunc(s.Bounds, func(b string) bool { return strings.EqualFold(b, value) })
	all := math.Round(s.Distinct)
	return all > 0 && all == float64(len(s.Common)) && covered > 0.999, found
}

// showable reports whether a value can stand in a prompt: short, all of it seen,
// on one line, and nothing like a key or a hash.
func showable(value string) bool {
	return value != "" && !slices.ContainsFunc(strings.Fields(value), func(word string) bool { return len(word) > maxWord }) && utf8.RuneCountInString(value) <= maxValue &&
		!strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) })
}

// inOrder sorts values, numbers by their size.
func inOrder(values []string) {
	slices.SortFunc(values, func(a, b string) int {
		if m, n, ok := wholes(a, b); ok {
			return m - n
		}
		return strings.Compare(a, b)
	})
}

func wholes(a, b string) (m, n int, ok bool) {
	m, err := strconv.Atoi(a)
	n, err2 := strconv.Atoi(b)
	return m, n, err == nil && err2 == nil
}

// listed are values of a type as SQL writes them.
func listed(values []string, typ string) string {
	switch typ {
	case "smallint", "integer", "bigint":
		return " " + strings.Join(values, " ")
	}
	return spaced(values)
}

func spaced(values []string) string {
	var b strings.Builder
	for _, v := range values {
		b.WriteString(" " + literal(v))
	}
	return b.String()
}

// literal is a value as SQL writes text: it cannot end its quotes.
func literal(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

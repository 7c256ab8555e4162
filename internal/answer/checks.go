package answer

import (
	"fmt"
	"strings"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
)

// An evidence is all that the checks without a model look at.
type evidence struct {
	question   string
	grounds    []ground
	draft      draft
	facts      guard.Facts
	looks      shape
	statistics *catalog.Statistics
}

// evidence is what there is about an outcome.
func (v view) evidence(in asked, done outcome) evidence {
	return evidence{in.question, in.grounds, done.draft, done.statement.Facts(), done.looks, v.statistics}
}

// A check examines an answer. What it finds takes weight off the log-odds, and
// where it is configured as a cap, holds the score at that.
type check struct {
	name   string
	effect func(config.Checks) string
	weight float64
	cap    float64
	find   func(evidence) string // the reason, or empty
}

// checks are all there are, in the order in which answers name them.
var checks = []check{
	{"empty", func(c config.Checks) string { return c.Empty }, 1.0, 0.50, func(e evidence) string {
		return when(e.looks.rows == 0, "the result has no rows")
	}},
	{"all_null", func(c config.Checks) string { return c.AllNull }, 1.5, 0.50, func(e evidence) string {
		return when(e.looks.allNull(), "the result holds nothing but NULL")
	}},
	{"single_zero", func(c config.Checks) string { return c.SingleZero }, 0.7, 0.55, func(e evidence) string {
		return when(e.looks.zero, "the result is a single zero")
	}},
	{"cap_hit", func(c config.Checks) string { return c.CapHit }, 0.5, 0.60, func(e evidence) string {
		return when(e.looks.truncated != "", "the result is not complete: the limit of "+e.looks.truncated+" cut rows off")
	}},
	{"ungrounded_literal", func(c config.Checks) string { return c.UngroundedLiteral }, 1.5, 0.40, ungrounded},
	{"cartesian", func(c config.Checks) string { return c.Cartesian }, 1.5, 0.45, func(e evidence) string {
		for _, l := range e.facts.Levels {
			if names := l.Unconnected(); len(names) > 0 {
				return "every row is combined with every row of " + plain(strings.Join(names, ", "), 200) + ", because no condition joins them"
			}
		}
		return ""
	}},
	{"fan_out", func(c config.Checks) string { return c.FanOut }, 1.2, 0.50, func(e evidence) string {
		names := e.aggregates(guard.Level.Multiplied)
		return when(names != "", "a join multiplies the rows that "+names+" takes in")
	}},
	{"fan_out", func(c config.Checks) string { return c.FanOut }, 0.5, 1, func(e evidence) string {
		names := e.aggregates(guard.Level.Multipliable)
		return when(names != "" && e.aggregates(guard.Level.Multiplied) == "",
			"a join may multiply the rows that "+names+" takes in: of a view, or a table without keys, it cannot be known how many belong to one")
	}},
	{"limit_without_order", func(c config.Checks) string { return c.LimitWithoutOrder }, 0.5, 0.55, func(e evidence) string {
		return when(e.facts.Unordered, "LIMIT takes rows in no order, so that they can be others each time")
	}},
	{"time_dependent", func(c config.Checks) string { return c.TimeDependent }, 0.2, 0.55, func(e evidence) string {
		return when(e.facts.Clock, "the answer depends on when it is asked for")
	}},
	{"no_filter", func(c config.Checks) string { return c.NoFilter }, 1.2, 0.50, unfiltered},
}

func when(so bool, reason string) string {
	if !so {
		return ""
	}
	return reason
}

// check runs the checks that c does not ignore.
func (e evidence) check(c config.Checks) (flags []string, doubts []doubt) {
	for _, k := range checks {
		effect := k.effect(c)
		if effect == "ignore" {
			continue
		}
		reason := k.find(e)
		if reason == "" {
			continue
		}
		d := doubt{k.weight, 1, reason}
		if effect == "cap" {
			d.cap = k.cap
		}
		flags, doubts = append(flags, k.name), append(doubts, d)
	}
	return flags, doubts
}

// ungrounded finds a text that the SQL compares a column with, and that is
// nowhere: of a column whose values are all known it is not one, or else neither
// the question has it, nor what is known of the values, nor the column's comment.
func ungrounded(e evidence) string {
	question := strings.ToLower(e.question)
	for _, c := range e.facts.Comparisons {
		if !isText(c.Column.Type) {
			continue // PostgreSQL finds out by itself what is no enum's label, and no date
		}
		s := e.statistics.Column(c.Relation.OID, c.Column.Number)
		for _, part := range parts(c) {
			whole, found := known(s, part)
			if c.Pattern {
				whole, found = false, found || within(s, part)
			}
			folded := strings.ToLower(part)
			said := strings.Contains(question, folded) || strings.Contains(strings.ToLower(c.Column.Comment+" "+c.Relation.Comment), folded)
			if near := e.near(c, part); near != "" && !found {
				return fmt.Sprintf("%s is compared with %s, and what is in it is %s", plain(c.Relation.Name+"."+c.Column.Name, 130), quoted(plain(part, 60)), quoted(near))
			}
			if !found && (whole || !said && !e.grounded(c, part)) {
				return fmt.Sprintf("%s is compared with %s, which is not known to be in it", plain(c.Relation.Name+"."+c.Column.Name, 130), quoted(plain(part, 60)))
			}
		}
	}
	return ""
}

// aggregates are those that such finds in the first level where it finds any.
func (e evidence) aggregates(such func(guard.Level) []string) string {
	for _, l := range e.facts.Levels {
		if names := such(l); len(names) > 0 {
			return strings.Join(names, " and ")
		}
	}
	return ""
}

// parts are the texts that a comparison looks for.
func parts(c guard.Comparison) []string {
	if !c.Pattern {
		return []string{c.Value}
	}
	return strings.FieldsFunc(c.Value, func(r rune) bool { return r == '%' || r == '_' })
}

// within reports whether a known value of a column has part in it.
func within(s *catalog.ColumnStatistics, part string) bool {
	if s == nil {
		return false
	}
	part = strings.ToLower(part)
	for _, c := range s.Common {
		if strings.Contains(strings.ToLower(c.Value), part) {
			return true
		}
	}
	for _, b := range s.Bounds {
		if strings.Contains(strings.ToLower(b), part) {
			return true
		}
	}
	return false
}

// grounded reports whether a value was found for the question.
func (e evidence) grounded(c guard.Comparison, value string) bool {
	for _, g := range e.grounds {
		if g.relation.OID == c.Relation.OID && g.column == c.Column.Name && strings.EqualFold(g.value, value) {
			return true
		}
	}
	return false
}

// near is the value of the column that a part of the question resembles, where the
// SQL compares with that part instead.
func (e evidence) near(c guard.Comparison, part string) string {
	for _, g := range e.grounds {
		if g.relation.OID == c.Relation.OID && g.column == c.Column.Name && !g.exact() && strings.EqualFold(g.said, part) {
			return g.value
		}
	}
	return ""
}

// unfiltered finds a condition that the question has, or the model says that its
// SQL has, where nothing in the SQL chooses between rows.
func unfiltered(e evidence) string {
	if e.facts.Filtered {
		return ""
	}
	used := func(text string) bool {
		for _, c := range e.facts.Constants {
			if strings.Contains(strings.ToLower(c), strings.ToLower(text)) {
				return true
			}
		}
		return false
	}
	for _, m := range inMarks().FindAllStringSubmatch(e.question, -1) {
		if text := strings.Join(m[1:], ""); !used(text) {
			return "the question names " + quoted(plain(text, 60)) + ", and the SQL filters by nothing"
		}
	}
	for _, g := range e.grounds {
		if g.exact() && !used(g.value) {
			return "the question names " + quoted(plain(g.said, 60)) + ", and the SQL filters by nothing"
		}
	}
	for _, f := range e.draft.Filters {
		if f.FromQuestion && !used(f.Value) {
			return "the model names a condition on " + plain(f.Column, 130) + ", and the SQL filters by nothing"
		}
	}
	return ""
}

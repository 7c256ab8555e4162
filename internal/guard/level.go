package guard

import "slices"

// A Level is one SELECT and what it reads. Sources are numbered from 0.
type Level struct {
	Sources    []Source
	Links      []Link
	Aggregates []Aggregate
	Plain      []int // the sources of which columns are given as they are, outside of aggregates
}

// A Source is an item of FROM.
type Source struct {
	Name string // as the statement calls it
	One  bool   // it gives one row at most, or is a function, which is called for each row
}

// A Link is a condition on columns of two sources. A number that no source has
// stands for something around the SELECT.
type Link struct {
	A, B         int
	Equal        bool // it compares columns for equality
	KeyA, KeyB   bool // for a row of the other source there is one row of this one at most, as far as is known
	OpenA, OpenB bool // that is taken to be so, of a view or a table without keys, and not known
}

// An Aggregate is a sum, an average or a count, duplicates included, of an
// expression of some sources' columns.
type Aggregate struct {
	Name    string
	Sources []int
}

// Unconnected are the sources that no condition connects with the first one, by
// name. Those that give one row at most do not count.
func (l Level) Unconnected() []string {
	group := make([]int, len(l.Sources))
	for _, k := range l.Links { // what is around the SELECT connects too
		for max(k.A, k.B) >= len(group) {
			group = append(group, 0)
		}
	}
	for i := range group {
		group[i] = i
	}
	for _, k := range l.Links {
		from, to := group[k.B], group[k.A]
		for i := range group {
			if group[i] == from {
				group[i] = to
			}
		}
	}
	first := -1
	var names []string
	for i, s := range l.Sources {
		switch {
		case s.One:
		case first < 0:
			first = i
		case group[i] != group[first]:
			names = append(names, s.Name)
		}
	}
	return names
}

// Multiplied are the aggregates that take rows of a source several times, once for
// each row of another one that they are joined with, by name. That is as it should
// be where the other source's columns are given too: then each belongs to one.
func (l Level) Multiplied() []string {
	return l.aggregates(func(a Aggregate) bool { return l.multiplies(a.Sources, false) })
}

// Multipliable are the aggregates of which that cannot be known: they would be
// [Level.Multiplied] if a view, or a table without keys, had several rows for one.
func (l Level) Multipliable() []string {
	return l.aggregates(func(a Aggregate) bool { return !l.multiplies(a.Sources, false) && l.multiplies(a.Sources, true) })
}

// aggregates are the names of those that are such, each once.
func (l Level) aggregates(such func(Aggregate) bool) []string {
	var names []string
	for _, a := range l.Aggregates {
		if such(a) && !slices.Contains(names, a.Name) {
			names = append(names, a.Name)
		}
	}
	return names
}

// multiplies walks along the links from some sources, and reports whether one of
// them leads to several rows, or, if open, could.
func (l Level) multiplies(from []int, open bool) bool {
	reached := slices.Clone(from)
	for i := 0; i < len(reached); i++ {
		for _, k := range l.Links {
			to, key := k.B, k.KeyB && !(open && k.OpenB)
			if k.B == reached[i] {
				to, key = k.A, k.KeyA && !(open && k.OpenA)
			} else if k.A != reached[i] {
				continue
			}
			if !k.Equal || to >= len(l.Sources) || slices.Contains(reached, to) {
				continue
			}
			if !key && !l.given(to, reached) {
				return true
			}
			reached = append(reached, to)
		}
	}
	return false
}

// given reports whether columns are given of a source, or of one behind it, seen
// from those that were reached before.
func (l Level) given(source int, before []int) bool {
	behind := []int{source}
	for i := 0; i < len(behind); i++ {
		if slices.Contains(l.Plain, behind[i]) {
			return true
		}
		for _, k := range l.Links {
			for _, next := range [][2]int{{k.A, k.B}, {k.B, k.A}} {
				if next[0] == behind[i] && !slices.Contains(behind, next[1]) && !slices.Contains(before, next[1]) {
					behind = append(behind, next[1])
				}
			}
		}
	}
	return false
}

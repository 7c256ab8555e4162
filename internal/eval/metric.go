package eval

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/pgmcp/pgmcp/internal/query"
)

// Match says in which senses a result is right. What counts is Execution; the
// others are to be compared with what others report.
type Match struct {
	Execution bool // the rows are those of a gold, perhaps with further columns
	Strict    bool // and there are no further columns, and duplicates count
	BIRD      bool // as the BIRD benchmark compares: exact values, columns by position, the first gold alone
}

// Compare compares a result with those of the golds. Columns are matched by what
// they hold, not by name. Ordered makes the order of rows count; BIRD never does.
//
// Execution compares rows as a set, so that a missing or superfluous DISTINCT is
// forgiven. An empty result is right only where a gold is empty.
func Compare(golds []*query.Result, given *query.Result, ordered bool) (Match, error) {
	var m Match
	ids := map[string]int{}
	g, err := tableOf(given, ids, canonical)
	if err != nil {
		return m, err
	}
	for i, gold := range golds {
		want, err := tableOf(gold, ids, canonical)
		if err != nil {
			return m, err
		}
		m.Execution = m.Execution || matches(want, g, ordered, false)
		m.Strict = m.Strict || len(want.columns) == len(g.columns) && matches(want, g, ordered, true)
		if i > 0 {
			continue
		}
		wantExact, err := tableOf(gold, ids, exact)
		if err != nil {
			return m, err
		}
		givenExact, err := tableOf(given, ids, exact)
		if err != nil {
			return m, err
		}
		m.BIRD = slices.Equal(unordered(wantExact.rows(nil, false), false), unordered(givenExact.rows(nil, false), false))
	}
	return m, nil
}

// A table is a result by columns, its values as numbers: equal ones for equal tokens.
type table struct {
	columns [][]int
	length  int
}

func tableOf(r *query.Result, ids map[string]int, token func(typ string, v json.RawMessage) string) (table, error) {
	t := table{columns: make([][]int, len(r.Columns))}
	var rows [][]json.RawMessage
	if err := json.Unmarshal(r.Rows, &rows); err != nil {
		return t, fmt.Errorf("read rows: %w", err)
	}
	t.length = len(rows)
	for _, row := range rows {
		if len(row) != len(r.Columns) {
			return t, fmt.Errorf("read rows: a row has %d values, and there are %d columns", len(row), len(r.Columns))
		}
		for i, v := range row {
			name := token(r.Columns[i].Type, v)
			id, ok := ids[name]
			if !ok {
				id = len(ids)
				ids[name] = id
			}
			t.columns[i] = append(t.columns[i], id)
		}
	}
	return t, nil
}

// rows are the rows with these columns in this order, or with all for nil, each
// as one comparable text.
func (t table) rows(columns []int, bag bool) []string {
	seen := map[string]bool{}
	rows := make([]string, 0, t.length)
	for i := range t.length {
		var b []byte
		if columns == nil {
			for _, c := range t.columns {
				b = binary.AppendUvarint(b, uint64(c[i]))
			}
		}
		for _, c := range columns {
			b = binary.AppendUvarint(b, uint64(t.columns[c][i]))
		}
		if row := string(b); bag || !seen[row] {
			seen[row] = true
			rows = append(rows, row)
		}
	}
	return rows
}

// unordered is a list of rows as a set or, with bag, as a set in which duplicates count.
func unordered(rows []string, bag bool) []string {
	rows = slices.Clone(rows)
	slices.Sort(rows)
	if !bag {
		rows = slices.Compact(rows)
	}
	return rows
}

// maxMappings bounds how many ways to map columns are tried. Columns that hold
// the same values can be mapped in any order.
const maxMappings = 5000

// matches reports whether the columns of gold can be mapped to different columns
// of given so that the rows are the same: as a list if ordered, else as a set,
// and with bag so that duplicates count.
func matches(gold, given table, ordered, bag bool) bool {
	if gold.length == 0 || given.length == 0 {
		return gold.length == given.length && len(gold.columns) <= len(given.columns)
	}
	if bag && gold.length != given.length {
		return false
	}
	candidates := make([][]int, len(gold.columns))
	for i, want := range gold.columns {
		key := values(want, bag)
		for j, got := range given.columns {
			if slices.Equal(key, values(got, bag)) {
				candidates[i] = append(candidates[i], j)
			}
		}
	}
	all := make([]int, len(gold.columns))
	for i := range all {
		all[i] = i
	}
	arrange := func(rows []string) []string {
		if ordered {
			return rows
		}
		return unordered(rows, bag)
	}
	want := arrange(gold.rows(all, bag))
	tried := 0
	var try func(mapping []int) bool
	try = func(mapping []int) bool {
		if len(mapping) == len(candidates) {
			tried++
			return slices.Equal(want, arrange(given.rows(mapping, bag)))
		}
		for _, j := range candidates[len(mapping)] {
			if tried > maxMappings {
				return false
			}
			if !slices.Contains(mapping, j) && try(append(slices.Clone(mapping), j)) {
				return true
			}
		}
		return false
	}
	return try(nil)
}

// values are what a column holds, in order; without bag, each value once.
func values(column []int, bag bool) []int {
	column = slices.Clone(column)
	slices.Sort(column)
	if !bag {
		column = slices.Compact(column)
	}
	return column
}

package answer

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/pgmcp/pgmcp/internal/query"
)

// A shape is what a result looks like from outside. It holds no value.
type shape struct {
	columns   []query.Column
	nulls     []int // how many rows hold NULL, by column
	rows      int
	truncated string // "rows" or "bytes", or empty
	zero      bool   // one row with one column: a zero
}

func shapeOf(r *query.Result) (shape, error) {
	s := shape{columns: r.Columns, nulls: make([]int, len(r.Columns)), rows: r.RowCount, truncated: r.Truncated}
	var rows [][]json.RawMessage
	if err := json.Unmarshal(r.Rows, &rows); err != nil {
		return s, err
	}
	for _, row := range rows {
		for i, value := range row {
			if string(value) == "null" {
				s.nulls[i]++
			}
		}
	}
	if len(rows) == 1 && len(rows[0]) == 1 {
		n, err := strconv.ParseFloat(strings.Trim(string(rows[0][0]), `"`), 64)
		s.zero = err == nil && n == 0
	}
	return s, nil
}

// String is the shape as the judge sees it. Whether a single value is zero is left out.
func (s shape) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "rows: %d", s.rows)
	if s.truncated != "" {
		b.WriteString(", and more that were cut off")
	}
	for i, c := range s.columns {
		fmt.Fprintf(&b, "\ncolumn %s %s", quoted(c.Name), c.Type)
		if s.nulls[i] > 0 {
			fmt.Fprintf(&b, ", NULL in %d rows", s.nulls[i])
		}
	}
	return b.String()
}

// allNull reports whether there are rows, and nothing in them.
func (s shape) allNull() bool {
	for _, n := range s.nulls {
		if n < s.rows {
			return false
		}
	}
	return s.rows > 0 && len(s.nulls) > 0
}

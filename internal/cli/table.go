package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/query"
)

// printTable prints a result for a person: aligned columns, then how many rows.
func printTable(w io.Writer, r *query.Result) error {
	rows, err := decodeRows(r)
	if err != nil {
		return err
	}
	header := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		header[i] = visible(c.Name)
	}
	lines := [][]string{header}
	for _, row := range rows {
		line := make([]string, len(row))
		for i, v := range row {
			line[i] = visible(cell(v, "NULL"))
		}
		lines = append(lines, line)
	}
	widths := make([]int, len(header))
	for _, line := range lines {
		for i, s := range line {
			widths[i] = max(widths[i], columns(s))
		}
	}

	var b bytes.Buffer
	for n, line := range lines {
		for i, s := range line {
			if i > 0 {
				b.WriteString(" |")
			}
			space := strings.Repeat(" ", widths[i]-columns(s))
			switch {
			case isNumeric(r.Columns[i].Type):
				b.WriteString(" " + space + s)
			case i < len(line)-1:
				b.WriteString(" " + s + space)
			default: // no spaces at the line's end
				b.WriteString(" " + s)
			}
		}
		b.WriteString("\n")
		if n == 0 {
			for i, w := range widths {
				if i > 0 {
					b.WriteString("+")
				}
				b.WriteString(strings.Repeat("-", w+2))
			}
			b.WriteString("\n")
		}
	}
	fmt.Fprintf(&b, "(%s%s)\n", mcpserver.Count(r.RowCount, "row"), cutOff(r))
	_, err = w.Write(b.Bytes())
	return err
}

// printCSV prints a result as PostgreSQL's COPY does: NULL is nothing at all,
// the empty string is "".
func printCSV(w io.Writer, r *query.Result) error {
	rows, err := decodeRows(r)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for i, c := range r.Columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quoteCSV(c.Name))
	}
	b.WriteByte('\n')
	for _, row := range rows {
		for i, v := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			if !bytes.Equal(v, []byte("null")) {
				b.WriteString(quoteCSV(cell(v, "")))
			}
		}
		b.WriteByte('\n')
	}
	_, err = w.Write(b.Bytes())
	return err
}

func decodeRows(r *query.Result) ([][]json.RawMessage, error) {
	var rows [][]json.RawMessage
	if err := json.Unmarshal(r.Rows, &rows); err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return rows, nil
}

// cell is a value as text: strings bare, everything else as JSON writes it.
func cell(v json.RawMessage, null string) string {
	switch {
	case bytes.Equal(v, []byte("null")):
		return null
	case v[0] == '"':
		var s string
		if json.Unmarshal(v, &s) == nil {
			return s
		}
	}
	return string(v)
}

func quoteCSV(s string) string {
	if s != "" && !strings.ContainsAny(s, "\",\r\n") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// visible is s with control characters written out: a value must not be able to
// steer the terminal or break the table.
func visible(s string) string {
	if !strings.ContainsFunc(s, isHidden) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if isHidden(r) {
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isHidden is true of control characters and of those that reorder or hide text.
func isHidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}

// columns is how many columns of a terminal s takes.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf): // drawn over or not at all
		case kind == width.EastAsianWide, kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

func isNumeric(typ string) bool {
	return slices.Contains([]string{"int2", "int4", "int8", "float4", "float8", "numeric", "oid"}, typ)
}

// cutOff says which limit cut rows off, if one did.
func cutOff(r *query.Result) string {
	switch r.Truncated {
	case "":
		return ""
	case "rows":
		return ", cut off at the row limit"
	default:
		return ", cut off at the size limit"
	}
}

package answer

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// Bounds of the lookup: a question is not to wait for it.
const (
	lookupTime    = 200 * time.Millisecond // of one statement
	lookupColumns = 6                      // that are searched, a statement each
	lookupTables  = 20                     // that they are in, those that fit the question best
	lookupValues  = 10                     // that one statement gives
)

// lookup looks for spans that the statistics do not have in columns of the
// database that an index makes quick to search. The statements are checked and
// run like any other. One that fails or takes too long finds nothing.
func (p *Pipeline) lookup(ctx context.Context, v view, question string, spans []span) []ground {
	if v.values != valuesLookup || len(spans) == 0 {
		return nil
	}
	var found []ground
	left := lookupColumns
	ranked := rank(v.policy.Shown(), question)
	for _, r := range ranked[:min(len(ranked), lookupTables)] {
		for _, column := range searchable(r) {
			if left--; left < 0 {
				return inPlace(found)
			}
			for _, value := range p.values(ctx, v.policy.Database, r, column, spans) {
				for _, s := range spans {
					if strings.EqualFold(s.text, value) && showable(value) {
						found = append(found, ground{r, column, value, s.text})
					}
				}
			}
		}
	}
	return inPlace(found)
}

// values are those of a column that are one of the spans, in the usual spellings.
func (p *Pipeline) values(ctx context.Context, database string, r *catalog.Relation, column string, spans []span) []string {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	var spellings []string
	for _, s := range spans {
		for _, spelling := range []string{s.text, strings.ToLower(s.text), strings.ToUpper(s.text), titled(s.text)} {
			spellings = append(spellings, literal(strings.ReplaceAll(visible(spelling), "\n", " ")))
		}
	}
	name := catalog.Quote(column)
	statement, err := p.runner.Check(ctx, database, fmt.Sprintf("select distinct t.%s from %s t where t.%[1]s in (%[3]s) order by 1 limit %[4]d",
		name, r.Quoted(), strings.Join(spellings, ", "), lookupValues))
	if err != nil {
		return nil
	}
	result, err := p.runner.Run(ctx, statement)
	if err != nil {
		return nil
	}
	var rows [][]string
	if json.Unmarshal(result.Rows, &rows) != nil {
		return nil
	}
	var values []string
	for _, row := range rows {
		values = append(values, row...)
	}
	return values
}

// titled is text with its first letter in upper case and the others in lower case.
func titled(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.ToLower(text[size:])
}

// indexed finds the first column of an index, if it is a plain one.
var indexed = regexp.MustCompile(`USING btree \((?:"((?:[^"]|"")+)"|([a-z_][a-z0-9_$]*))[,) ]`)

// searchable are the columns of text by which an index finds the rows of r, in
// the order of the columns.
func searchable(r *catalog.Relation) []string {
	first := map[string]bool{}
	for _, key := range append([][]string{r.PrimaryKey}, r.Unique...) {
		if len(key) > 0 {
			first[key[0]] = true
		}
	}
	for _, i := range r.Indexes {
		if m := indexed.FindStringSubmatch(i.Definition); m != nil && !strings.Contains(i.Definition, " WHERE ") {
			first[strings.ReplaceAll(m[1], `""`, `"`)+m[2]] = true
		}
	}
	var columns []string
	for i := range r.Columns {
		c := &r.Columns[i]
		if first[c.Name] && isText(c.Type) {
			columns = append(columns, c.Name)
		}
	}
	return columns
}

// isText reports whether a type's name is one of text.
func isText(typ string) bool {
	for _, prefix := range []string{"text", "character", "citext", "name"} {
		if strings.HasPrefix(typ, prefix) && !strings.HasSuffix(typ, "[]") {
			return true
		}
	}
	return false
}

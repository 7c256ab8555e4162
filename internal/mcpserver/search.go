package mcpserver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// SearchArgs are the arguments of search_objects.
type SearchArgs struct {
	Query    string `json:"query,omitempty" jsonschema:"words"`
	Database string `json:"database,omitempty" jsonschema:"needed if there are several"`
	Detail   string `json:"detail,omitempty" jsonschema:"default summary; full adds keys, indexes and comments"`
}

// The levels of detail.
const (
	detailNames   = "names"
	detailSummary = "summary"
	detailFull    = "full"
)

// SearchResult is the answer of search_objects: names, or tables with more of them.
type SearchResult struct {
	Database  string   `json:"database"`
	Names     []string `json:"names,omitempty"`
	Tables    []Table  `json:"tables,omitempty"`
	Functions []string `json:"functions,omitempty"` // user-defined ones that may be called
	More      bool     `json:"more,omitempty"`      // others fit too
}

// Table is what a policy shows of a table or view.
type Table struct {
	Name          string         `json:"name"` // SCHEMA.TABLE, as SQL wants it
	Kind          catalog.Kind   `json:"kind"`
	EstimatedRows int64          `json:"estimated_rows,omitempty"`
	Match         string         `json:"match,omitempty"` // why it was found
	Comment       string         `json:"comment,omitempty"`
	Columns       []TableColumn  `json:"columns"`
	PrimaryKey    []string       `json:"primary_key,omitempty"`
	Unique        [][]string     `json:"unique,omitempty"`
	ForeignKeys   []TableForeign `json:"foreign_keys,omitempty"`
	Indexes       []string       `json:"indexes,omitempty"`
}

// TableColumn is a column of a Table.
type TableColumn struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Nullable bool     `json:"nullable,omitempty"`
	Labels   []string `json:"labels,omitempty"` // of an enum
	Comment  string   `json:"comment,omitempty"`
}

// TableForeign is a foreign key of a Table.
type TableForeign struct {
	Columns    []string `json:"columns"`
	References string   `json:"references"`
	RefColumns []string `json:"ref_columns"`
}

// SearchObjects finds tables by words, or lists them all. It shows what the
// policy lets statements read, and nothing that would name the rest.
func (t *Tools) SearchObjects(ctx context.Context, in SearchArgs) (*SearchResult, error) {
	db, err := t.Databases.Get(in.Database)
	if err != nil {
		return nil, err
	}
	p, err := db.Policy(ctx)
	if err != nil {
		return nil, err
	}
	limit := map[string]int{detailNames: 500, detailFull: 5}[in.Detail]
	if limit == 0 {
		limit = 20
	}
	matches := search(p, in.Query, limit+1)
	out := &SearchResult{Database: db.Name, More: len(matches) > limit}
	matches = matches[:min(len(matches), limit)]
	if in.Detail == detailNames {
		for _, m := range matches {
			out.Names = append(out.Names, tableName(m.Relation.Schema, m.Relation.Name))
		}
		return out, nil
	}
	for _, m := range matches {
		out.Tables = append(out.Tables, describe(p, m, in.Detail == detailFull))
	}
	out.Functions = functions(p, in.Query)
	return out, nil
}

func search(p *policy.Policy, words string, limit int) []catalog.Match {
	if strings.TrimSpace(words) != "" {
		return p.Catalog.Search(words, limit, p.Relation, p.Column)
	}
	var all []catalog.Match
	for _, r := range p.Catalog.Relations {
		if r.Kind != catalog.Sequence && p.Relation(r) && len(all) < limit {
			all = append(all, catalog.Match{Relation: r})
		}
	}
	return all
}

func describe(p *policy.Policy, m catalog.Match, full bool) Table {
	r := m.Relation
	t := Table{
		Name:          tableName(r.Schema, r.Name),
		Kind:          r.Kind,
		EstimatedRows: max(r.EstimatedRows, 0),
		Match:         m.Why,
		Columns:       []TableColumn{},
	}
	columns := p.Columns(r)
	visible := func(names []string) bool {
		for _, name := range names {
			if !slices.ContainsFunc(columns, func(c catalog.Column) bool { return c.Name == name }) {
				return false
			}
		}
		return true
	}
	for _, c := range columns {
		column := TableColumn{Name: identifier(c.Name), Type: c.Type}
		if full {
			column.Nullable, column.Comment, column.Labels = c.Nullable, c.Comment, labels(p.Catalog, c)
		}
		t.Columns = append(t.Columns, column)
	}
	if !full {
		return t
	}
	t.Comment = r.Comment
	if len(r.PrimaryKey) > 0 && visible(r.PrimaryKey) {
		t.PrimaryKey = identifiers(r.PrimaryKey)
	}
	for _, key := range r.Unique {
		if visible(key) {
			t.Unique = append(t.Unique, identifiers(key))
		}
	}
	for _, key := range r.ForeignKeys {
		other := p.Catalog.Relation(key.RefSchema, key.RefTable)
		if visible(key.Columns) && other != nil && readable(p, other, key.RefColumns) {
			t.ForeignKeys = append(t.ForeignKeys, TableForeign{identifiers(key.Columns), tableName(key.RefSchema, key.RefTable), identifiers(key.RefColumns)})
		}
	}
	for _, index := range r.Indexes {
		if !mentionsHidden(index, r, visible) {
			t.Indexes = append(t.Indexes, index.Definition)
		}
	}
	return t
}

// readable reports whether a relation and columns of it may be named.
func readable(p *policy.Policy, r *catalog.Relation, columns []string) bool {
	return p.Relation(r) && !slices.ContainsFunc(columns, func(name string) bool {
		c := r.Column(name)
		return c == nil || !p.Column(r, c)
	})
}

// mentionsHidden reports whether an index shows the name of a column that the
// policy hides. Its definition is text, so a mere likeness counts.
func mentionsHidden(index catalog.Index, r *catalog.Relation, visible func([]string) bool) bool {
	return slices.ContainsFunc(r.Columns, func(c catalog.Column) bool {
		inQuotes := strings.ReplaceAll(c.Name, `"`, `""`)
		return !visible([]string{c.Name}) && strings.Contains(index.Definition, inQuotes)
	})
}

// labels are the labels of a column of an enum type, or of an array of one.
func labels(c *catalog.Catalog, column catalog.Column) []string {
	for _, e := range c.Enums {
		if e.OID == column.TypeOID || e.OID == column.Element {
			return e.Labels
		}
	}
	return nil
}

// functions are the user-defined functions that may be called, as signatures:
// those with one of the words, or all without words. Functions of extensions
// are left out: models know them.
func functions(p *policy.Policy, words string) []string {
	var out []string
	wanted := strings.Fields(strings.ToLower(words))
	for _, f := range p.Catalog.Functions {
		text := strings.ToLower(f.Name + " " + f.Comment)
		if f.Extension != "" || !p.Function(f) ||
			len(wanted) > 0 && !slices.ContainsFunc(wanted, func(w string) bool { return strings.Contains(text, w) }) {
			continue
		}
		out = append(out, fmt.Sprintf("%s(%s) returns %s", tableName(f.Schema, f.Name), f.Arguments, f.Result))
	}
	return out
}

func searchText(s *SearchResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s", count(len(s.Names)+len(s.Tables), "table"), s.Database)
	for _, name := range s.Names {
		b.WriteString("\n" + name)
	}
	for _, t := range s.Tables {
		fmt.Fprintf(&b, "\n%s (%s", t.Name, t.Kind)
		if t.EstimatedRows > 0 {
			fmt.Fprintf(&b, ", about %s", count(int(t.EstimatedRows), "row"))
		}
		b.WriteString(")")
		if t.Comment != "" {
			b.WriteString(" -- " + t.Comment)
		}
		for _, c := range t.Columns {
			b.WriteString("\n  " + c.Name + " " + c.Type)
			if c.Labels != nil {
				fmt.Fprintf(&b, " %q", c.Labels)
			}
			if c.Comment != "" {
				b.WriteString(" -- " + c.Comment)
			}
		}
		if t.PrimaryKey != nil {
			fmt.Fprintf(&b, "\n  primary key (%s)", strings.Join(t.PrimaryKey, ", "))
		}
		for _, k := range t.ForeignKeys {
			fmt.Fprintf(&b, "\n  foreign key (%s) references %s (%s)", strings.Join(k.Columns, ", "), k.References, strings.Join(k.RefColumns, ", "))
		}
	}
	for _, f := range s.Functions {
		b.WriteString("\nfunction " + f)
	}
	if s.More {
		b.WriteString("\nMore fit: use other words, or detail names.")
	}
	return clip(b.String())
}

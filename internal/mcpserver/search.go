package mcpserver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pgmcp/pgmcp/internal/catalog"
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
// policy lets be seen.
func (t *Tools) SearchObjects(ctx context.Context, in SearchArgs) (*SearchResult, error) {
	db, err := t.Databases.Get(ctx, in.Database)
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
	shown := p.Shown()
	matches := search(shown, in.Query, limit+1)
	out := &SearchResult{Database: db.Name, More: len(matches) > limit}
	matches = matches[:min(len(matches), limit)]
	if in.Detail == detailNames {
		for _, m := range matches {
			out.Names = append(out.Names, m.Relation.Quoted())
		}
		return out, nil
	}
	for _, m := range matches {
		out.Tables = append(out.Tables, describe(shown, m, in.Detail == detailFull))
	}
	out.Functions = functions(shown, in.Query)
	return out, nil
}

func search(c *catalog.Catalog, words string, limit int) []catalog.Match {
	if strings.TrimSpace(words) != "" {
		return c.Search(words, limit)
	}
	all := make([]catalog.Match, min(len(c.Relations), limit))
	for i := range all {
		all[i].Relation = c.Relations[i]
	}
	return all
}

func describe(c *catalog.Catalog, m catalog.Match, full bool) Table {
	r := m.Relation
	t := Table{
		Name:          r.Quoted(),
		Kind:          r.Kind,
		EstimatedRows: max(r.EstimatedRows, 0),
		Match:         m.Why,
		Columns:       make([]TableColumn, len(r.Columns)),
	}
	for i := range r.Columns {
		column := &r.Columns[i]
		t.Columns[i] = TableColumn{Name: catalog.Quote(column.Name), Type: column.Type}
		if full {
			t.Columns[i].Nullable, t.Columns[i].Comment = column.Nullable, column.Comment
			if e := c.Enum(cmp.Or(column.Element, column.TypeOID)); e != nil {
				t.Columns[i].Labels = e.Labels
			}
		}
	}
	if !full {
		return t
	}
	t.Comment, t.PrimaryKey = r.Comment, catalog.QuoteAll(r.PrimaryKey)
	for _, key := range r.Unique {
		t.Unique = append(t.Unique, catalog.QuoteAll(key))
	}
	for _, key := range r.ForeignKeys {
		t.ForeignKeys = append(t.ForeignKeys, TableForeign{
			Columns:    catalog.QuoteAll(key.Columns),
			References: catalog.Quote(key.RefSchema) + "." + catalog.Quote(key.RefTable),
			RefColumns: catalog.QuoteAll(key.RefColumns),
		})
	}
	for _, index := range r.Indexes {
		t.Indexes = append(t.Indexes, index.Definition)
	}
	return t
}

// functions are the signatures of the functions with one of the words in name or
// comment, or of all of them without words.
func functions(c *catalog.Catalog, words string) []string {
	var out []string
	wanted := strings.Fields(strings.ToLower(words))
	for _, f := range c.Functions {
		text := strings.ToLower(f.Name + " " + f.Comment)
		if len(wanted) == 0 || slices.ContainsFunc(wanted, func(w string) bool { return strings.Contains(text, w) }) {
			out = append(out, fmt.Sprintf("%s(%s) returns %s", f.Quoted(), f.Arguments, f.Result))
		}
	}
	return out
}

func searchText(s *SearchResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s", Count(len(s.Names)+len(s.Tables), "table"), s.Database)
	for _, name := range s.Names {
		b.WriteString("\n" + name)
	}
	for _, t := range s.Tables {
		fmt.Fprintf(&b, "\n%s (%s", t.Name, t.Kind)
		if t.EstimatedRows > 0 {
			fmt.Fprintf(&b, ", about %s", Count(int(t.EstimatedRows), "row"))
		}
		b.WriteString(")")
		b.WriteString(remark(t.Comment))
		for _, c := range t.Columns {
			b.WriteString("\n  " + c.Name + " " + c.Type)
			if c.Labels != nil {
				fmt.Fprintf(&b, " %q", c.Labels)
			}
			b.WriteString(remark(c.Comment))
		}
		if len(t.PrimaryKey) > 0 {
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

// remark is a comment behind what it is about, on the same line.
func remark(comment string) string {
	if comment == "" {
		return ""
	}
	return " -- " + strings.Join(strings.Fields(comment), " ")
}

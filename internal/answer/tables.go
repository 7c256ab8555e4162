package answer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// nameLine is a relation in one line.
func nameLine(r *catalog.Relation) string { return fmt.Sprintf("%s %s\n", r.Kind, r.Quoted()) }

// fullText is a relation with all that a policy shows of it.
func fullText(r *catalog.Relation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s%s\n", r.Kind, r.Quoted(), comment(r.Comment))
	for i := range r.Columns {
		c := &r.Columns[i]
		fmt.Fprintf(&b, "  %s %s", catalog.Quote(c.Name), shorter.Replace(c.Type))
		if !c.Nullable {
			b.WriteString(" not null")
		}
		if slices.Equal(r.PrimaryKey, []string{c.Name}) {
			b.WriteString(" primary key")
		}
		for _, u := range r.Unique {
			if slices.Equal(u, []string{c.Name}) {
				b.WriteString(" unique")
				break
			}
		}
		for _, k := range r.ForeignKeys {
			if slices.Equal(k.Columns, []string{c.Name}) {
				fmt.Fprintf(&b, " references %s", reference(k))
			}
		}
		b.WriteString(comment(c.Comment) + "\n")
	}
	if len(r.PrimaryKey) > 1 {
		fmt.Fprintf(&b, "  primary key (%s)\n", list(r.PrimaryKey))
	}
	for _, u := range r.Unique {
		if len(u) > 1 {
			fmt.Fprintf(&b, "  unique (%s)\n", list(u))
		}
	}
	for _, k := range r.ForeignKeys {
		if len(k.Columns) > 1 {
			fmt.Fprintf(&b, "  foreign key (%s) references %s\n", list(k.Columns), reference(k))
		}
	}
	return b.String()
}

func reference(k catalog.ForeignKey) string {
	return fmt.Sprintf("%s.%s (%s)", catalog.Quote(k.RefSchema), catalog.Quote(k.RefTable), list(k.RefColumns))
}

func list(names []string) string { return strings.Join(catalog.QuoteAll(names), ", ") }

// shorter saves tokens where PostgreSQL has a shorter name for a type.
var shorter = strings.NewReplacer("timestamp with time zone", "timestamptz",
	"timestamp without time zone", "timestamp", "character varying", "varchar")

// writeEnums writes the labels of the enums that the columns of tables have.
func writeEnums(b *strings.Builder, c *catalog.Catalog, tables map[*catalog.Relation]bool) {
	used := map[*catalog.Enum]bool{}
	for r := range tables {
		for i := range r.Columns {
			used[c.Enum(cmp.Or(r.Columns[i].Element, r.Columns[i].TypeOID))] = true
		}
	}
	for _, e := range c.Enums {
		if !used[e] {
			continue
		}
		fmt.Fprintf(b, "enum %s:", e.Quoted())
		for i, label := range e.Labels {
			if i == 100 {
				fmt.Fprintf(b, " and %d more", len(e.Labels)-i)
				break
			}
			fmt.Fprintf(b, " '%s'", strings.ReplaceAll(plain(label, 63), "'", "''"))
		}
		b.WriteString("\n")
	}
}

func writeFunctions(b *strings.Builder, c *catalog.Catalog) {
	for _, f := range c.Functions {
		fmt.Fprintf(b, "%s %s(%s) returns %s%s\n", f.Kind, f.Quoted(), shorter.Replace(f.Arguments), shorter.Replace(f.Result), comment(f.Comment))
	}
}

// comment is a comment as a prompt shows it: marked, on one line, short.
func comment(text string) string {
	if text = plain(text, 300); text == "" {
		return ""
	}
	return "  comment: " + quoted(text)
}

package answer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// A sheet is relations as a prompt shows them, each at its own depth.
type sheet struct {
	catalog   *catalog.Catalog
	relations []*catalog.Relation         // in the order in which they stand there
	depth     map[*catalog.Relation]depth // those without one are left out
}

// A depth is how much of a relation is shown, beside its name.
type depth struct {
	columns  bool
	comments bool
	values   func(*catalog.Column) string // nil: none
}

func newSheet(c *catalog.Catalog, relations []*catalog.Relation) *sheet {
	return &sheet{c, relations, make(map[*catalog.Relation]depth, len(relations))}
}

func (s *sheet) set(relations []*catalog.Relation, to func(*catalog.Relation) depth) {
	for _, r := range relations {
		s.depth[r] = to(r)
	}
}

// text is the relations, and the labels of the enums that their columns have.
func (s *sheet) text() string {
	var b strings.Builder
	used := map[*catalog.Enum]bool{}
	for _, r := range s.relations {
		if d, ok := s.depth[r]; ok {
			b.WriteString(relationText(r, d))
			for _, e := range s.enums(r, d) {
				used[e] = true
			}
		}
	}
	for _, e := range s.catalog.Enums {
		if used[e] {
			b.WriteString(enumText(e))
		}
	}
	return b.String()
}

// enums are those of the columns that are shown of r, some perhaps twice.
func (s *sheet) enums(r *catalog.Relation, d depth) []*catalog.Enum {
	var enums []*catalog.Enum
	for i := range r.Columns {
		if e := s.catalog.Enum(cmp.Or(r.Columns[i].Element, r.Columns[i].TypeOID)); e != nil && d.columns {
			enums = append(enums, e)
		}
	}
	return enums
}

// deepen gives as many relations this depth as fit into room bytes, the first
// ones first, and returns how many those are. A relation that is too large does
// not stop the next ones.
func (s *sheet) deepen(relations []*catalog.Relation, to depth, room int) int {
	used := map[*catalog.Enum]bool{}
	for r, d := range s.depth {
		for _, e := range s.enums(r, d) {
			used[e] = true
		}
	}
	size, count := len(s.text()), 0
	for _, r := range relations {
		more := len(relationText(r, to))
		if d, ok := s.depth[r]; ok {
			more -= len(relationText(r, d))
		}
		enums := s.enums(r, to)
		for i, e := range enums {
			if !used[e] && !slices.Contains(enums[:i], e) {
				more += len(enumText(e))
			}
		}
		if size+more > room {
			continue
		}
		size += more
		for _, e := range enums {
			used[e] = true
		}
		s.depth[r] = to
		count++
	}
	return count
}

// relationText is a relation with as much as a policy shows and d wants.
func relationText(r *catalog.Relation, d depth) string {
	var b strings.Builder
	note := func(text string) string {
		if !d.comments {
			return ""
		}
		return comment(text)
	}
	fmt.Fprintf(&b, "%s %s%s\n", r.Kind, r.Quoted(), note(r.Comment))
	if !d.columns {
		return b.String()
	}
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
		b.WriteString(note(c.Comment))
		if d.values != nil {
			b.WriteString(d.values(c))
		}
		b.WriteString("\n")
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

// enumText is the labels of an enum.
func enumText(e *catalog.Enum) string {
	const most = 100
	labels := make([]string, 0, len(e.Labels))
	for _, label := range e.Labels[:min(len(e.Labels), most)] {
		labels = append(labels, plain(label, 63))
	}
	text := "enum " + e.Quoted() + ":" + spaced(labels)
	if n := len(e.Labels) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text + "\n"
}

// functionsText is the functions that fit into room bytes, and how many do not.
func functionsText(c *catalog.Catalog, room int) (text string, cut int) {
	var b strings.Builder
	for _, f := range c.Functions {
		line := fmt.Sprintf("%s %s(%s) returns %s%s\n", f.Kind, f.Quoted(), shorter.Replace(f.Arguments), shorter.Replace(f.Result), comment(f.Comment))
		if b.Len()+len(line) > room {
			cut++
			continue
		}
		b.WriteString(line)
	}
	return b.String(), cut
}

// comment is a comment as a prompt shows it: marked, on one line, short.
func comment(text string) string {
	if text = plain(text, 300); text == "" {
		return ""
	}
	return "  comment: " + quoted(text)
}

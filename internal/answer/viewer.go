package answer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// A viewer writes down what a policy lets be seen of its catalog.
type viewer struct {
	policy *policy.Policy
	// hidden are the names of what must not be seen, in lower case, unless
	// something that may be seen has the name too. Comments that mention one are
	// not shown.
	hidden map[string]bool
	odd    []string // those of them that are more than one word
}

func newViewer(p *policy.Policy) *viewer {
	v := &viewer{policy: p, hidden: map[string]bool{}}
	// Names that may not be seen come first, then those of them go that may.
	v.names(func(name string, visible bool) {
		if !visible {
			v.hidden[strings.ToLower(name)] = true
		}
	})
	if len(v.hidden) > 0 {
		v.names(func(name string, visible bool) {
			if visible {
				delete(v.hidden, strings.ToLower(name))
			}
		})
	}
	for name := range v.hidden {
		if strings.ContainsFunc(name, notInName) {
			v.odd = append(v.odd, name)
		}
	}
	return v
}

// names yields the name of every schema, relation and column, and whether it may be seen.
func (v *viewer) names(yield func(name string, visible bool)) {
	for _, s := range v.policy.Catalog.Schemas {
		yield(s, v.open(s))
	}
	for _, r := range v.policy.Catalog.Relations {
		yield(r.Name, v.policy.Relation(r))
		for i := range r.Columns {
			yield(r.Columns[i].Name, v.policy.Column(r, &r.Columns[i]))
		}
	}
}

// tables are the relations to show, sorted by name. Partitions are left out
// where the table that they are a part of is shown.
func (v *viewer) tables() []*catalog.Relation {
	var out []*catalog.Relation
	for _, r := range v.policy.Catalog.Relations {
		part := r.Partition != "" && slices.ContainsFunc(r.Parents, func(oid uint32) bool {
			parent := v.policy.Catalog.ByOID(oid)
			return parent != nil && v.policy.Relation(parent)
		})
		if !part && v.policy.Relation(r) && writable(r.Name) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, byName)
	return out
}

func byName(a, b *catalog.Relation) int {
	return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
}

// name is a relation in one line.
func (v *viewer) name(r *catalog.Relation) string {
	return fmt.Sprintf("%s %s\n", r.Kind, tableName(r.Schema, r.Name))
}

// full is a relation with all that may be seen of it.
func (v *viewer) full(r *catalog.Relation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s%s\n", r.Kind, tableName(r.Schema, r.Name), v.comment(r.Comment))
	columns := v.policy.Columns(r)
	visible := func(name string) bool {
		return slices.ContainsFunc(columns, func(c catalog.Column) bool { return c.Name == name && writable(name) })
	}
	for i := range columns {
		c := &columns[i]
		if !visible(c.Name) {
			continue
		}
		fmt.Fprintf(&b, "  %s %s", identifier(c.Name), v.typeName(c))
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
			if slices.Equal(k.Columns, []string{c.Name}) && v.reference(k) {
				fmt.Fprintf(&b, " references %s", reference(k))
			}
		}
		b.WriteString(v.comment(c.Comment) + "\n")
	}
	all := func(names []string) bool {
		return len(names) > 1 && !slices.ContainsFunc(names, func(n string) bool { return !visible(n) })
	}
	if all(r.PrimaryKey) {
		fmt.Fprintf(&b, "  primary key (%s)\n", identifiers(r.PrimaryKey))
	}
	for _, u := range r.Unique {
		if all(u) {
			fmt.Fprintf(&b, "  unique (%s)\n", identifiers(u))
		}
	}
	for _, k := range r.ForeignKeys {
		if all(k.Columns) && v.reference(k) {
			fmt.Fprintf(&b, "  foreign key (%s) references %s\n", identifiers(k.Columns), reference(k))
		}
	}
	return b.String()
}

// reference reports whether what k refers to may be seen.
func (v *viewer) reference(k catalog.ForeignKey) bool {
	r := v.policy.Catalog.Relation(k.RefSchema, k.RefTable)
	return r != nil && v.policy.Relation(r) && !slices.ContainsFunc(k.RefColumns, func(name string) bool {
		c := r.Column(name)
		return c == nil || !v.policy.Column(r, c)
	})
}

func reference(k catalog.ForeignKey) string {
	return fmt.Sprintf("%s (%s)", tableName(k.RefSchema, k.RefTable), identifiers(k.RefColumns))
}

// typeName is the type of a column. One of a closed schema, or made of a table
// that must not be seen, has no name.
func (v *viewer) typeName(c *catalog.Column) string {
	oid := cmp.Or(c.Element, c.TypeOID)
	cat := v.policy.Catalog
	open := true
	if e := cat.Enum(oid); e != nil {
		open = v.open(e.Schema)
	} else if r := cat.RowOf(oid); r != nil {
		open = v.policy.Relation(r)
	} else if t := cat.Type(oid); t != nil && !v.open(t.Schema) {
		if t.Extension != "" { // known by its own name
			return t.Name + strings.Repeat("[]", strings.Count(c.Type, "[]"))
		}
		open = false
	}
	if !open {
		return "user-defined"
	}
	return shorter.Replace(c.Type)
}

// shorter saves tokens where PostgreSQL has a shorter name for a type.
var shorter = strings.NewReplacer("timestamp with time zone", "timestamptz",
	"timestamp without time zone", "timestamp", "character varying", "varchar")

func (v *viewer) open(schema string) bool { return v.policy.Schema(schema) == policy.Allowed }

// types writes the labels of the enums that the columns of tables have.
func (v *viewer) types(b *strings.Builder, tables map[*catalog.Relation]bool) {
	var enums []*catalog.Enum
	for r := range tables {
		for _, c := range v.policy.Columns(r) {
			if e := v.policy.Catalog.Enum(cmp.Or(c.Element, c.TypeOID)); e != nil && v.open(e.Schema) && !slices.Contains(enums, e) {
				enums = append(enums, e)
			}
		}
	}
	slices.SortFunc(enums, func(a, b *catalog.Enum) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
	for _, e := range enums {
		fmt.Fprintf(b, "enum %s:", tableName(e.Schema, e.Name))
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

// functions writes the user-defined functions that may be called. Those of
// extensions are left out: models know them.
func (v *viewer) functions(b *strings.Builder) {
	for _, f := range v.policy.Catalog.Functions {
		line := fmt.Sprintf("%s(%s) returns %s", tableName(f.Schema, f.Name), shorter.Replace(f.Arguments), shorter.Replace(f.Result))
		if f.Extension == "" && v.policy.Function(f) && writable(line) && !v.mentionsHidden(line) {
			fmt.Fprintf(b, "%s %s%s\n", f.Kind, line, v.comment(f.Comment))
		}
	}
}

// comment is a comment as a prompt shows it: marked, on one line, short.
func (v *viewer) comment(text string) string {
	text = plain(text, math.MaxInt)
	if text == "" || v.mentionsHidden(text) {
		return ""
	}
	return "  comment: " + quoted(plain(text, 300))
}

// mentionsHidden reports whether text holds the name of something that must not be seen.
func (v *viewer) mentionsHidden(text string) bool {
	text = strings.ToLower(text)
	for word := range strings.FieldsFuncSeq(text, notInName) {
		if v.hidden[word] {
			return true
		}
	}
	return slices.ContainsFunc(v.odd, func(name string) bool { return strings.Contains(text, name) })
}

// notInName reports whether a name that needs no quotes cannot hold r.
func notInName(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '$'
}

// writable reports whether a name can stand in a prompt, on its line.
func writable(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

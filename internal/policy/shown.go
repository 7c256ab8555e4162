package policy

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// shown is what may be seen of a catalog, made when somebody first asks to see it.
type shown struct {
	hide    sync.Once
	hidden  hidden
	show    sync.Once
	catalog *catalog.Catalog
}

// Shown is the catalog as models and clients may see it: nothing in it names
// what the policy hides. It has the readable relations as [Policy.Show] shows
// them, partitions left out where what they are a part of is there; the enums of
// readable schemas; and the user-defined functions that may be called, but for
// those of extensions, which models know. It has no types, operators and casts.
// It is the same one each time and must not be changed.
func (p *Policy) Shown() *catalog.Catalog {
	p.shown.show.Do(func() {
		c := p.Catalog
		s := &catalog.Catalog{Database: c.Database, ServerVersion: c.ServerVersion, LoadedAt: c.LoadedAt, Schemas: p.SearchPath}
		for _, r := range c.Relations {
			if !p.folded(r) {
				if r = p.Show(r); r != nil {
					s.Relations = append(s.Relations, r)
				}
			}
		}
		for _, e := range c.Enums {
			if p.opens(e.Schema) && printable(e.Name) {
				s.Enums = append(s.Enums, e)
			}
		}
		for _, f := range c.Functions {
			if f = p.showFunction(f); f != nil {
				s.Functions = append(s.Functions, f)
			}
		}
		slices.SortFunc(s.Relations, func(a, b *catalog.Relation) int {
			return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
		})
		slices.SortFunc(s.Enums, func(a, b *catalog.Enum) int {
			return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
		})
		p.shown.catalog = s
	})
	return p.shown.catalog
}

// folded reports whether r is a partition of a table that may be read.
func (p *Policy) folded(r *catalog.Relation) bool {
	return r.Partition != "" && slices.ContainsFunc(r.Parents, func(oid uint32) bool { return p.verdicts[oid] == Allowed })
}

// Show is what may be seen of a relation of the catalog, or nil if it must not be
// seen: its readable columns, the keys and indexes that are made of them alone,
// foreign keys to what may be seen, and comments that name nothing hidden. A
// column's type that must not be named is "user-defined". What views, defaults
// and partitions are defined by is not shown, nor what has a name that cannot
// stand on one line of text.
func (p *Policy) Show(r *catalog.Relation) *catalog.Relation {
	if !p.Relation(r) || !printable(r.Name) {
		return nil
	}
	hidden := p.hidden()
	s := &catalog.Relation{
		OID: r.OID, Schema: r.Schema, Name: r.Name, Kind: r.Kind,
		Comment: hidden.comment(r.Comment), EstimatedRows: r.EstimatedRows,
		Columns: make([]catalog.Column, 0, len(r.Columns)),
	}
	for i := range r.Columns {
		c := &r.Columns[i]
		if p.shows(r, c) {
			s.Columns = append(s.Columns, catalog.Column{
				Name: c.Name, Number: c.Number, Type: p.typeName(c), TypeOID: c.TypeOID, Element: c.Element,
				Nullable: c.Nullable, Comment: hidden.comment(c.Comment),
			})
		}
	}
	seen := func(names []string) bool {
		return len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return s.Column(name) == nil })
	}
	if seen(r.PrimaryKey) {
		s.PrimaryKey = r.PrimaryKey
	}
	for _, key := range r.Unique {
		if seen(key) {
			s.Unique = append(s.Unique, key)
		}
	}
	for _, key := range r.ForeignKeys {
		if seen(key.Columns) && p.showsReference(key) {
			s.ForeignKeys = append(s.ForeignKeys, key)
		}
	}
	for _, index := range r.Indexes {
		if index.Definition != "" && printable(index.Definition) && !hidden.in(index.Definition) && !namesOther(index.Definition, r, s) {
			s.Indexes = append(s.Indexes, index)
		}
	}
	return s
}

// namesOther reports whether an index may be made of a column of r that is not
// shown, although one of that name is elsewhere. A mere likeness counts.
func namesOther(definition string, r, shown *catalog.Relation) bool {
	return len(shown.Columns) < len(r.Columns) && slices.ContainsFunc(r.Columns, func(c catalog.Column) bool {
		return shown.Column(c.Name) == nil && strings.Contains(definition, inQuotes(c.Name))
	})
}

func (p *Policy) showFunction(f *catalog.Function) *catalog.Function {
	if f.Extension != "" || !p.Function(f) {
		return nil
	}
	if signature := f.Schema + "." + f.Name + "(" + f.Arguments + ") " + f.Result; !printable(signature) || p.hidden().in(signature) {
		return nil
	}
	s := *f
	s.Comment = p.hidden().comment(f.Comment)
	return &s
}

// shows reports whether a column may be seen.
func (p *Policy) shows(r *catalog.Relation, c *catalog.Column) bool {
	return p.Column(r, c) && printable(c.Name)
}

// showsReference reports whether what a foreign key refers to may be seen.
func (p *Policy) showsReference(k catalog.ForeignKey) bool {
	r := p.Catalog.Relation(k.RefSchema, k.RefTable)
	return r != nil && p.Relation(r) && printable(r.Name) && !slices.ContainsFunc(k.RefColumns, func(name string) bool {
		c := r.Column(name)
		return c == nil || !p.shows(r, c)
	})
}

// typeName is the type of a column. One of a closed schema, or made of a table
// that must not be seen, has no name.
func (p *Policy) typeName(c *catalog.Column) string {
	oid := cmp.Or(c.Element, c.TypeOID)
	seen := oid < catalog.FirstUserOID
	if e := p.Catalog.Enum(oid); e != nil {
		seen = p.opens(e.Schema)
	} else if r := p.Catalog.RowOf(oid); r != nil {
		seen = p.Relation(r)
	} else if t := p.Catalog.Type(oid); t != nil {
		seen = p.opens(t.Schema)
		if !seen && t.Extension != "" { // known by its own name
			return t.Name + strings.Repeat("[]", strings.Count(c.Type, "[]"))
		}
	}
	if !seen || !printable(c.Type) {
		return "user-defined"
	}
	return c.Type
}

// opens reports whether a schema may be read.
func (p *Policy) opens(schema string) bool { return p.Schema(schema) == Allowed }

// hidden are the names of what must not be seen, in lower case, unless something
// that may be seen has the name too.
type hidden struct {
	words   map[string]bool
	phrases []string // those that are more than one word
}

func (p *Policy) hidden() *hidden {
	p.shown.hide.Do(func() {
		names := map[string]bool{}
		for name, seen := range p.names {
			if !seen {
				names[strings.ToLower(name)] = true
			}
		}
		if len(names) > 0 {
			for name, seen := range p.names {
				if seen {
					delete(names, strings.ToLower(name))
				}
			}
		}
		h := &p.shown.hidden
		h.words = names
		for name := range names {
			if strings.ContainsFunc(name, notInName) {
				h.phrases = append(h.phrases, name)
				if quoted := inQuotes(name); quoted != name {
					h.phrases = append(h.phrases, quoted)
				}
			}
		}
	})
	return &p.shown.hidden
}

// names yields the name of everything that is hidden or shown, and whether it may
// be seen. Sequences are neither, and what extensions made: everybody knows it.
func (p *Policy) names(yield func(name string, seen bool) bool) {
	for _, s := range p.Catalog.Schemas {
		if !yield(s, p.opens(s)) {
			return
		}
	}
	for _, r := range p.Catalog.Relations {
		if p.verdicts[r.OID] == NotTabular {
			continue
		}
		if !yield(r.Name, p.Relation(r)) {
			return
		}
		for i := range r.Columns {
			if !yield(r.Columns[i].Name, p.Column(r, &r.Columns[i])) {
				return
			}
		}
	}
	for _, e := range p.Catalog.Enums {
		if !yield(e.Name, p.opens(e.Schema)) {
			return
		}
	}
	for _, t := range p.Catalog.Types {
		if t.Extension == "" && !yield(t.Name, p.opens(t.Schema)) {
			return
		}
	}
	for _, f := range p.Catalog.Functions {
		// That a function may not be called is no secret unless it is blocked.
		if f.Extension == "" && !yield(f.Name, p.Function(f) || p.opens(f.Schema) && !anyMatches(p.rules.blockedFunctions, f.Schema, f.Name)) {
			return
		}
	}
}

// comment is text, or nothing if it mentions what is hidden as it stands or as it
// is seen, with nothing invisible between the letters.
func (h *hidden) comment(text string) string {
	if h.in(text) || h.in(strings.Join(strings.Fields(strings.Map(printed, text)), " ")) {
		return ""
	}
	return text
}

// in reports whether text mentions a hidden name.
func (h *hidden) in(text string) bool {
	text = strings.ToLower(text)
	for word := range strings.FieldsFuncSeq(text, notInName) {
		if h.words[word] {
			return true
		}
	}
	return slices.ContainsFunc(h.phrases, func(name string) bool { return strings.Contains(text, name) })
}

// notInName reports whether a name that needs no quotes cannot hold r.
func notInName(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '$'
}

// printed is r as it is seen, or -1 if it is not.
func printed(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case !unicode.IsPrint(r):
		return -1
	default:
		return r
	}
}

// printable reports whether all of a text is seen, on one line.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// inQuotes is a name as it stands between double quotes.
func inQuotes(name string) string { return strings.ReplaceAll(name, `"`, `""`) }

package policy

import (
	"maps"
	"slices"
	"strings"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/nearest"
)

// Unmatched is a pattern, or a name, of a configuration that nothing in the
// databases has: what it is to block or to allow is probably called otherwise.
type Unmatched struct {
	Setting []string // the list that it stands in, such as security, blocked, tables
	Text    string
	Nearest string // what was probably meant, written in the same way; may be empty
}

// FindUnmatched compares a configuration with the catalogs of its databases. Those
// without a catalog are left out, and so are then the rules for all databases.
func FindUnmatched(c *config.Config, catalogs map[string]*catalog.Catalog) []Unmatched {
	var found []Unmatched
	look := func(catalogs []*catalog.Catalog, lists []list, setting ...string) {
		for _, l := range lists {
			for _, text := range l.texts {
				if u, ok := l.unmatched(text, catalogs); ok {
					u.Setting = append(slices.Clone(setting), l.setting...)
					found = append(found, u)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(catalogs)) {
		own := []*catalog.Catalog{catalogs[name]}
		look(own, []list{{[]string{"schemas"}, c.Databases[name].Schemas, schemas}}, "databases", name)
		if o := c.Databases[name].Security; o != nil {
			look(own, lists(o.Blocked, o.AllowFunctions, o.AllowExtensions), "databases", name, "security")
		}
	}
	if len(catalogs) == len(c.Databases) {
		look(slices.Collect(maps.Values(catalogs)), lists(c.Security.Blocked, c.Security.AllowFunctions, c.Security.AllowExtensions), "security")
	}
	return found
}

// A list is one of a configuration, and the names that its patterns are for, each
// with what it is in.
type list struct {
	setting []string
	texts   []string
	names   func(*catalog.Catalog) [][]string
}

func lists(b config.Blocked, functions, extensions []string) []list {
	return []list{
		{[]string{"blocked", "schemas"}, b.Schemas, schemas},
		{[]string{"blocked", "tables"}, b.Tables, tables},
		{[]string{"blocked", "columns"}, b.Columns, columns},
		{[]string{"blocked", "functions"}, b.Functions, functionNames},
		{[]string{"allow_functions"}, functions, functionNames},
		{[]string{"allow_extensions"}, extensions, installed},
	}
}

// unmatched reports whether nothing has a name that fits. Of PostgreSQL's own
// schemas only the functions are known.
func (l list) unmatched(text string, catalogs []*catalog.Catalog) (Unmatched, bool) {
	p := parsePattern(text)
	ofFunction := l.setting[len(l.setting)-1] == "functions"
	if p[0] == "information_schema" || strings.HasPrefix(p[0], "pg_") && !ofFunction {
		return Unmatched{}, false
	}
	var among []string
	for _, c := range catalogs {
		for _, names := range l.names(c) {
			if p.matches(names...) {
				return Unmatched{}, false
			}
			among = append(among, strings.Join(names[max(0, len(names)-len(p)):], "."))
		}
	}
	u := Unmatched{Text: text}
	if !strings.Contains(text, "*") {
		u.Nearest = nearest.Name(text, among)
	}
	return u, true
}

func schemas(c *catalog.Catalog) (names [][]string) {
	for _, schema := range c.Schemas {
		names = append(names, []string{schema})
	}
	return names
}

func tables(c *catalog.Catalog) (names [][]string) {
	for _, r := range c.Relations {
		names = append(names, []string{r.Schema, r.Name})
	}
	return names
}

func columns(c *catalog.Catalog) (names [][]string) {
	for _, r := range c.Relations {
		for i := range r.Columns {
			names = append(names, []string{r.Schema, r.Name, r.Columns[i].Name})
		}
	}
	return names
}

func functionNames(c *catalog.Catalog) (names [][]string) {
	for _, f := range c.Functions {
		names = append(names, []string{f.Schema, f.Name})
	}
	for name := range routines() {
		names = append(names, []string{"pg_catalog", name})
	}
	return names
}

func installed(c *catalog.Catalog) (names [][]string) {
	for _, x := range c.Extensions {
		names = append(names, []string{x.Name})
	}
	return names
}

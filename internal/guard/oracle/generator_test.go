package oracle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// A generator writes random statements over the fixture, most of them valid, by
// the forms of grammar_test.go. It likes names that mean several things: aliases
// that are names of tables, outputs that are called like blocked columns.
type generator struct {
	random   *rand.Rand
	rows     map[string][]field // the columns of relations, by their names
	database string
	json     bool     // the server knows the SQL/JSON constructors
	converts bool     // they may say RETURNING, but no CASE may have an operand: both crash servers
	readable []source // tables and views
	closed   []source // those that may not be read
	calls    []string // of functions that may not be called
	deepest  int      // where expressions stop to nest; queries do so before
	depth    int
	frames   []frame  // the FROM lists in scope, innermost last
	with     []source // the WITH queries in scope
}

// A field is a column with the kind of its type.
type field struct {
	name   string
	kind   kind
	closed bool // it may not be read
}

// A source is something in FROM.
type source struct {
	name    string // what a reference calls it
	full    string // of a relation without an alias: SCHEMA.NAME
	columns []field
	table   bool // it is a relation, so that its columns can be called like functions
	sampled bool // and one that has rows of its own
}

type frame []source

func newGenerator(seed uint64, p *policy.Policy) *generator {
	g := &generator{
		random:   rand.New(rand.NewPCG(seed, 1)),
		rows:     map[string][]field{},
		database: ident(p.Catalog.Database),
		json:     p.Catalog.ServerVersion >= newerSyntax,
	}
	for _, r := range p.Catalog.Relations {
		if r.Kind == catalog.Sequence {
			continue
		}
		s := source{name: ident(r.Name), full: r.Schema + "." + ident(r.Name), table: true}
		s.sampled = r.Kind != catalog.View
		for i := range r.Columns {
			c := &r.Columns[i]
			s.columns = append(s.columns, field{ident(c.Name), kindOf(c.Type), !p.Column(r, c)})
		}
		g.rows[r.Name] = s.columns
		if p.Relation(r) {
			g.readable = append(g.readable, s)
		} else {
			g.closed = append(g.closed, s)
		}
	}
	for _, f := range p.Catalog.Functions {
		if !p.Function(f) && f.Kind == "function" {
			g.calls = append(g.calls, callOf(f))
		}
	}
	return g
}

// callOf calls f with nothing of the right types, and makes text of the result.
func callOf(f *catalog.Function) string {
	var arguments []string
	for argument := range strings.SplitSeq(f.Arguments, ", ") {
		argument, variadic := strings.CutPrefix(argument, "VARIADIC ")
		if name, typ, named := strings.Cut(argument, " "); named && !slices.Contains([]string{"double", "character", "timestamp", "time", "bit"}, name) {
			argument = typ
		}
		switch {
		case argument == "":
			continue
		case strings.HasPrefix(argument, "any"):
			argument = "integer"
		}
		value := "NULL::" + argument
		if variadic {
			value = "VARIADIC " + value
		}
		arguments = append(arguments, value)
	}
	return fmt.Sprintf("(%s.%s(%s))::text", ident(f.Schema), ident(f.Name), strings.Join(arguments, ", "))
}

func ident(name string) string { return catalog.Quote(name) }

func (g *generator) chance(percent int) bool { return g.random.IntN(100) < percent }

func pick[T any](g *generator, from ...T) T { return from[g.random.IntN(len(from))] }

// statement is one statement.
func (g *generator) statement() string {
	g.depth, g.frames, g.with = 0, nil, nil
	g.converts = g.chance(50)
	g.deepest = pick(g, 3, 4, 5, 7)
	sql, _ := g.query()
	if g.chance(4) {
		return pick(g, explains...) + " " + sql
	}
	return sql
}

// shallow reports whether queries may still nest.
func (g *generator) shallow() bool { return 2*g.depth <= g.deepest+1 }

// expr is an expression of a kind: a column, a constant or one of the kind's forms.
func (g *generator) expr(k kind) string {
	g.depth++
	defer func() { g.depth-- }()
	if g.chance(45) || g.depth > g.deepest {
		if c := g.column(k); c != "" {
			return c
		}
	}
	switch all := grammar[k]; {
	case g.depth > g.deepest:
		return pick(g, all.constants...)
	case k == text && g.chance(4):
		return pick(g, g.calls...)
	case g.chance(4) && len(all.closed) > 0:
		return g.fill(pick(g, all.closed...))
	case g.chance(2) && len(all.beyond) > 0:
		return g.fill(pick(g, all.beyond...))
	case g.chance(8) && g.json && len(all.json) > 0:
		return g.fill(pick(g, all.json...))
	case g.chance(8) && g.json && g.converts && len(all.converted) > 0:
		return g.fill(pick(g, all.converted...))
	case g.chance(3) && !g.converts:
		return g.fill("CASE $any WHEN $any THEN $same WHEN $any THEN $same END", k)
	case g.chance(6) && g.shallow() && len(all.aggregates) > 0:
		if g.json && len(all.jsonAggregates) > 0 && g.chance(50) {
			return g.aggregateQuery(all.jsonAggregates)
		}
		return g.aggregateQuery(all.aggregates)
	case g.chance(12):
		return g.fill(pick(g, common...), k)
	case g.chance(5) && slices.Contains(comparable, k):
		return g.fill(pick(g, ordered...), k)
	case g.chance(25):
		return pick(g, all.constants...)
	default:
		return g.fill(pick(g, all.forms...))
	}
}

// column is a reference to a column of a kind in scope, or empty.
func (g *generator) column(k kind) string {
	closed := g.chance(8)
	for level := len(g.frames) - 1; level >= 0 && (level == len(g.frames)-1 || g.chance(30)); level-- {
		f := g.frames[level]
		var found []string
		for _, s := range f {
			for _, c := range s.columns {
				if c.kind == k && c.closed == closed {
					found = append(found, g.reference(f, s, c))
				}
			}
		}
		if len(found) > 0 {
			return pick(g, found...)
		}
	}
	return ""
}

// reference writes a column of s, in one of the ways that there are.
func (g *generator) reference(f frame, s source, c field) string {
	switch {
	case s.name == "":
		return c.name
	case g.chance(3) && s.table && f.count(s.name) == 0:
		return c.name + "(" + s.name + ")"
	case g.chance(2) && f.count(s.name) == 0:
		return "(" + s.name + ")." + c.name
	case g.chance(10) && s.full != "":
		return s.full + "." + c.name
	case g.chance(1) && s.full != "":
		return g.database + "." + s.full + "." + c.name
	case g.chance(40) && f.count(c.name) == 1:
		return c.name
	}
	return s.name + "." + c.name
}

// count is how many columns have a name.
func (f frame) count(name string) int {
	n := 0
	for _, s := range f {
		for _, c := range s.columns {
			if c.name == name {
				n++
			}
		}
	}
	return n
}

// unambiguous leaves out the columns of which several have the same name.
func unambiguous(columns []field) []field {
	f := frame{{columns: columns}}
	return slices.DeleteFunc(slices.Clone(columns), func(c field) bool { return c.name == "" || f.count(c.name) > 1 })
}

// inside calls write with a frame in scope.
func (g *generator) inside(f frame, write func() string) string {
	g.frames = append(g.frames, f)
	defer func() { g.frames = g.frames[:len(g.frames)-1] }()
	return write()
}

// alias is a name for something in FROM that nothing beside it has.
func (g *generator) alias(beside frame) string {
	for range 20 {
		name := pick(g, "a", "b", "t", "x", "q", "owners", "pets", "staff", "suppliers", "cards", "keys", "iban", "name", "id")
		if !beside.has(name) {
			return name
		}
	}
	return fmt.Sprintf("n%d", g.random.IntN(1e9))
}

func (f frame) has(name string) bool {
	return slices.ContainsFunc(f, func(s source) bool { return s.name == name })
}

func (g *generator) columnAlias() string {
	return pick(g, "id", "name", "iban", "pin_hash", "salary", "token", "city", "x", "y", "z", "v", "w", "owners", "count", "lower")
}

// fill writes a form: $KIND in it is an expression of that kind; $any, $plain and
// $sortable are of one that can be compared, is no array, and has a maximum, each
// time the same; $same is of the kind given.
func (g *generator) fill(form string, same ...kind) string {
	var b strings.Builder
	chosen := map[string]kind{
		"any":      pick(g, comparable...),
		"plain":    pick(g, integer, numeric, text, date, instant, uuid, species),
		"sortable": pick(g, integer, numeric, text, date, instant),
	}
	if len(same) > 0 {
		chosen["same"] = same[0]
	}
	for {
		before, rest, ok := strings.Cut(form, "$")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' })
		if end < 0 {
			end = len(rest)
		}
		part := rest[:end]
		form = rest[end:]
		what, query := strings.CutPrefix(part, "one_") // a subquery of one row
		what, queries := strings.CutPrefix(what, "all_")
		k, ok := chosen[what]
		if !ok {
			k = kind(what)
		}
		switch what {
		case "": // of a JSON path
			b.WriteString("$")
			continue
		case "row":
			b.WriteString(g.row())
			continue
		case "query":
			b.WriteString("(" + g.nested() + ")")
			continue
		}
		switch {
		case query:
			b.WriteString(g.scalarQuery(k))
		case queries:
			b.WriteString(g.columnQuery(k))
		default:
			b.WriteString(g.expr(k))
		}
	}
}

// key is an expression that is no constant: ORDER BY 1 means something else.
func (g *generator) key(k kind) string {
	if c := g.column(k); c != "" {
		return c
	}
	return "coalesce(" + g.expr(k) + ")"
}

// row is the name of something in FROM, as a value.
func (g *generator) row() string {
	if len(g.frames) > 0 {
		var names []string
		for _, s := range g.frames[len(g.frames)-1] {
			if s.name != "" && g.frames[len(g.frames)-1].count(s.name) == 0 && (!slices.ContainsFunc(s.columns, func(c field) bool { return c.closed }) || g.chance(20)) {
				names = append(names, s.name)
			}
		}
		if len(names) > 0 {
			return pick(g, names...)
		}
	}
	return "ROW(1, 'a')"
}

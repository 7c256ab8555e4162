package oracle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// A generator writes random queries over the fixture's relations, most of them
// well-formed. It likes names that mean several things: aliases that are names of
// tables, columns called like blocked ones.
type generator struct {
	random *rand.Rand
	tables []table
	depth  int
	frames []frame // the FROM lists in scope, innermost last
	with   []source
	names  int
}

type table struct {
	name    string
	columns []field
}

// A field is a column or output with the kind of type that the generator knows.
type field struct{ name, kind string }

// A source is something in FROM.
type source struct {
	name    string
	columns []field
}

type frame []source

const (
	number = "number"
	words  = "text"
	day    = "date"
	truth  = "boolean"
	other  = "other"
)

func newGenerator(seed uint64, c *catalog.Catalog) *generator {
	g := &generator{random: rand.New(rand.NewPCG(seed, 1))}
	for _, r := range c.Relations {
		t := table{name: r.Schema + "." + ident(r.Name)}
		for _, column := range r.Columns {
			t.columns = append(t.columns, field{ident(column.Name), kindOf(column.Type)})
		}
		if r.Kind != catalog.Sequence {
			g.tables = append(g.tables, t)
		}
	}
	return g
}

func ident(name string) string {
	if strings.ToLower(name) != name || strings.Contains(name, " ") || name == "select" {
		return `"` + name + `"`
	}
	return name
}

func kindOf(typ string) string {
	switch {
	case strings.HasPrefix(typ, "numeric"), typ == "integer", typ == "bigint":
		return number
	case typ == "text", strings.HasSuffix(typ, "label"), strings.HasSuffix(typ, "email"):
		return words
	case typ == "date", strings.HasPrefix(typ, "timestamp"):
		return day
	case typ == "boolean":
		return truth
	}
	return other
}

func (g *generator) chance(percent int) bool { return g.random.IntN(100) < percent }

func pick[T any](g *generator, from ...T) T { return from[g.random.IntN(len(from))] }

// alias is a name for something in FROM that nothing beside it has.
func (g *generator) alias(beside []source) string {
	for range 20 {
		name := pick(g, "a", "b", "t", "x", "q", "owners", "pets", "staff", "suppliers", "cards", "keys", "iban", "name", "id")
		if !slices.ContainsFunc(beside, func(s source) bool { return s.name == name }) {
			return name
		}
	}
	g.names++
	return fmt.Sprintf("n%d", g.names)
}

func (g *generator) columnAlias() string {
	return pick(g, "id", "name", "iban", "pin_hash", "salary", "token", "city", "x", "y", "owners", "count", "lower")
}

// statement is one query.
func (g *generator) statement() string {
	g.depth, g.frames, g.with = 0, nil, nil
	sql, _ := g.query()
	if g.chance(4) {
		return "EXPLAIN " + sql
	}
	return sql
}

func (g *generator) query() (string, []field) {
	g.depth++
	defer func() { g.depth-- }()
	switch {
	case g.depth < 4 && g.chance(12):
		return g.withQuery()
	case g.depth < 4 && g.chance(10):
		return g.setOperation()
	case g.chance(4):
		a, b := g.expr(number), g.expr(words)
		return "VALUES (" + a + ", " + b + ")", []field{{"column1", number}, {"column2", words}}
	case g.chance(2):
		t := pick(g, g.tables...)
		return "TABLE " + t.name, t.columns
	}
	return g.selectQuery()
}

func (g *generator) withQuery() (string, []field) {
	before := len(g.with)
	defer func() { g.with = g.with[:before] }()
	recursive := ""
	var list []string
	for range 1 + g.random.IntN(2) {
		name := g.alias(g.with[before:])
		sql, columns := g.query()
		if g.chance(20) {
			recursive = "RECURSIVE "
			sql, columns = g.recursion(name)
		}
		columns = slices.Clone(columns)
		head := name
		if g.chance(30) && len(columns) > 0 {
			columns[0].name = g.columnAlias()
			head += " (" + columns[0].name + ")"
		}
		list = append(list, head+" AS "+pick(g, "", "", "MATERIALIZED ", "NOT MATERIALIZED ")+"("+sql+")")
		g.with = append(g.with, source{name, columns})
	}
	sql, columns := g.selectQuery()
	return "WITH " + recursive + strings.Join(list, ", ") + " " + sql, columns
}

func (g *generator) recursion(name string) (string, []field) {
	columns := []field{{"id", number}, {"name", words}}
	t := pick(g, "clinic.owners", "clinic.staff", "clinic.pets", "clinic.cards")
	return fmt.Sprintf("SELECT id, %s FROM %s WHERE id = 1 UNION ALL SELECT r.id + 1, o.%s FROM %s r JOIN %s o ON o.id = r.id WHERE r.id < 3",
		pick(g, "name", "name", "iban", "'x'::text AS name"), t, pick(g, "name", "name", "iban", "salary::text"), name, t), columns
}

func (g *generator) setOperation() (string, []field) {
	arm := func() string {
		from, frame := g.from()
		g.frames = append(g.frames, frame)
		defer func() { g.frames = g.frames[:len(g.frames)-1] }()
		return "SELECT " + g.expr(number) + " AS " + g.columnAlias() + ", " + g.expr(words) + from
	}
	sql := arm() + pick(g, " UNION ", " UNION ALL ", " INTERSECT ", " EXCEPT ") + arm()
	if g.chance(30) {
		sql += " ORDER BY " + pick(g, "1", "2", "1 DESC, 2")
	}
	return sql, []field{{"c1", number}, {"c2", words}}
}

func (g *generator) selectQuery() (string, []field) {
	from, frame := g.from()
	g.frames = append(g.frames, frame)
	defer func() { g.frames = g.frames[:len(g.frames)-1] }()

	if g.chance(15) {
		return g.grouped(from)
	}
	var targets []string
	var columns []field
	for range 1 + g.random.IntN(3) {
		switch {
		case len(frame) > 0 && g.chance(8):
			s := pick(g, frame...)
			targets = append(targets, pick(g, "*", s.name+".*"))
			columns = append(columns, field{"?", other}) // its columns are not looked for
		case len(frame) > 0 && g.chance(6):
			s := pick(g, frame...)
			targets = append(targets, fmt.Sprintf(pick(g, "%s", "to_jsonb(%s)", "%s::text", "count(%s) OVER ()", "%s IS NULL", "ROW(%s.*)", "(%s).name"), s.name))
			columns = append(columns, field{"?", other})
		default:
			kind := pick(g, number, words, day, truth)
			name := g.columnAlias()
			targets = append(targets, g.expr(kind)+" AS "+name)
			columns = append(columns, field{name, kind})
		}
	}
	distinct := ""
	if g.chance(8) {
		distinct = "DISTINCT "
	} else if g.chance(5) {
		distinct = "DISTINCT ON (" + g.expr(pick(g, number, words)) + ") "
	}
	sql := "SELECT " + distinct + strings.Join(targets, ", ") + from
	if g.chance(45) {
		sql += " WHERE " + g.expr(truth)
	}
	if g.chance(20) && distinct == "" {
		sql += " ORDER BY " + g.sortKey(columns) + pick(g, "", " DESC", " NULLS LAST")
	}
	if g.chance(12) {
		sql += " LIMIT " + pick(g, "3", "(SELECT count(*) FROM clinic.pets)", "(SELECT max(length(iban)) FROM clinic.owners)")
	}
	return sql, columns
}

func (g *generator) sortKey(columns []field) string {
	if len(columns) > 0 && g.chance(40) {
		if c := pick(g, columns...); c.name != "?" {
			return c.name
		}
	}
	return g.expr(pick(g, number, words))
}

func (g *generator) grouped(from string) (string, []field) {
	key, name := g.expr(words), g.columnAlias()
	by := pick(g, key, key, "1", name, "ROLLUP ("+key+")", "GROUPING SETS (("+key+"), ())")
	aggregate := pick(g, "count(*)", "sum("+g.expr(number)+")", "max("+g.expr(words)+")",
		"string_agg("+g.expr(words)+", ',' ORDER BY "+g.expr(number)+")", "count(*) FILTER (WHERE "+g.expr(truth)+")",
		"percentile_cont(0.5) WITHIN GROUP (ORDER BY "+g.expr(number)+")")
	sql := "SELECT " + key + " AS " + name + ", " + aggregate + " AS n" + from + " GROUP BY " + by
	if g.chance(30) {
		sql += " HAVING count(" + g.expr(words) + ") > 1"
	}
	return sql, []field{{name, words}, {"n", other}}
}

// from writes a FROM clause, perhaps none, and returns what it lets be seen.
func (g *generator) from() (string, frame) {
	if g.chance(6) {
		return "", nil
	}
	var items []string
	var sources frame
	for range 1 + g.random.IntN(2) {
		sql, add := g.fromItem(sources)
		items = append(items, sql)
		sources = append(sources, add...)
	}
	return " FROM " + strings.Join(items, ", "), sources
}

func (g *generator) fromItem(beside frame) (string, frame) {
	if g.chance(25) && g.depth < 4 {
		left, l := g.simpleItem(beside)
		right, r := g.simpleItem(append(slices.Clone(beside), l))
		both := frame{l, r}
		kind := pick(g, "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN")
		switch {
		case g.chance(15):
			return left + " NATURAL " + kind + " " + right, both
		case g.chance(30):
			return left + " " + kind + " " + right + " USING (" + pick(g, "id", "id", "name", "iban") + ")", both
		case g.chance(10):
			name := g.alias(beside)
			return "(" + left + " CROSS JOIN " + right + ") AS " + name, frame{{name, append(slices.Clone(l.columns), r.columns...)}}
		}
		g.frames = append(g.frames, both)
		on := g.expr(truth)
		g.frames = g.frames[:len(g.frames)-1]
		return left + " " + kind + " " + right + " ON " + on, both
	}
	sql, s := g.simpleItem(beside)
	return sql, frame{s}
}

func (g *generator) simpleItem(beside frame) (string, source) {
	switch {
	case len(g.with) > 0 && g.chance(40):
		s := pick(g, g.with...)
		return g.rename(s.name, s, beside)
	case g.depth < 4 && g.chance(20):
		lateral := ""
		if g.chance(40) {
			lateral = "LATERAL "
			g.frames = append(g.frames, beside)
			defer func() { g.frames = g.frames[:len(g.frames)-1] }()
		}
		sql, columns := g.query()
		s := source{g.alias(beside), columns}
		return lateral + "(" + sql + ") AS " + s.name, s
	case g.chance(8):
		name := g.alias(beside)
		return pick(g,
			"generate_series(1, 3) AS "+name,
			"unnest(ARRAY['a', 'b']) AS "+name,
			"clinic.visits_of(1) AS "+name,
			"clinic.all_owners() AS "+name,
			"clinic.calendar('2024-01-01', '2024-01-02') AS "+name,
			"clinic.account_of(1) AS "+name,
			"json_to_record('{}') AS "+name+" (id int, iban text)",
			"(VALUES (1, 'a')) AS "+name+" (id, iban)"), source{name, nil}
	}
	t := pick(g, g.tables...)
	name := t.name
	s := source{name[strings.Index(name, ".")+1:], t.columns}
	if g.chance(6) {
		name = "ONLY " + name
	}
	return g.rename(name, s, beside)
}

// rename gives an item an alias, always if its name is taken, and sometimes its columns.
func (g *generator) rename(sql string, s source, beside frame) (string, source) {
	taken := slices.ContainsFunc(beside, func(b source) bool { return b.name == s.name })
	if !taken && g.chance(40) {
		return sql, s
	}
	s = source{g.alias(beside), slices.Clone(s.columns)}
	sql += " AS " + s.name
	if g.chance(25) && len(s.columns) > 0 {
		var names []string
		for i := range 1 + g.random.IntN(len(s.columns)) {
			s.columns[i].name = fmt.Sprintf("%s%d", pick(g, "c", "iban", "name"), i)
			names = append(names, s.columns[i].name)
		}
		sql += " (" + strings.Join(names, ", ") + ")"
	}
	if g.chance(4) && !strings.Contains(sql, "(") {
		sql += " TABLESAMPLE SYSTEM (50)"
	}
	return sql, s
}

// column is a reference to a column of a kind in scope, or empty.
func (g *generator) column(kind string) string {
	for range 6 {
		if len(g.frames) == 0 {
			return ""
		}
		f := g.frames[max(0, len(g.frames)-1-g.random.IntN(2))]
		if len(f) == 0 {
			continue
		}
		s := pick(g, f...)
		if len(s.columns) == 0 {
			continue
		}
		c := pick(g, s.columns...)
		if c.kind != kind || c.name == "?" {
			continue
		}
		if g.chance(70) {
			return s.name + "." + c.name
		}
		return c.name
	}
	return ""
}

// expr is an expression of a kind.
func (g *generator) expr(kind string) string {
	g.depth++
	defer func() { g.depth-- }()
	if c := g.column(kind); c != "" && (g.depth > 5 || g.chance(60)) {
		return c
	}
	if g.depth > 6 {
		return g.constant(kind)
	}
	if g.depth < 5 && g.chance(6) && kind != truth {
		return g.scalarQuery(kind)
	}
	if g.chance(8) {
		return "CASE WHEN " + g.expr(truth) + " THEN " + g.expr(kind) + " ELSE " + g.expr(kind) + " END"
	}
	if g.chance(8) {
		return pick(g, "coalesce", "greatest", "nullif") + "(" + g.expr(kind) + ", " + g.expr(kind) + ")"
	}
	switch kind {
	case number:
		return pick(g,
			func() string { return g.constant(number) },
			func() string { return "(" + g.expr(number) + pick(g, " + ", " - ", " * ") + g.expr(number) + ")" },
			func() string { return "length(" + g.expr(words) + ")" },
			func() string { return "abs(" + g.expr(number) + ")" },
			func() string { return "extract(year FROM " + g.expr(day) + ")" },
			func() string { return "position('a' IN " + g.expr(words) + ")" },
			func() string { return "(ARRAY[" + g.expr(number) + ", 2])[1]" },
			func() string { return "rank() OVER (ORDER BY " + g.expr(words) + ")" },
			func() string { return "(" + g.expr(number) + ")::int" },
		)()
	case words:
		return pick(g,
			func() string { return g.constant(words) },
			func() string { return pick(g, "lower", "upper", "md5", "trim") + "(" + g.expr(words) + ")" },
			func() string { return "(" + g.expr(words) + " || " + g.expr(words) + ")" },
			func() string { return "(" + g.expr(number) + ")::text" },
			func() string { return "concat(" + g.expr(words) + ", " + g.expr(number) + ")" },
			func() string { return "(" + g.expr(words) + ` COLLATE "C")` },
			func() string { return "substring(" + g.expr(words) + " FROM 1 FOR 2)" },
			func() string { return "jsonb_build_object('k', " + g.expr(words) + ")->>'k'" },
			func() string { return "(" + g.expr(words) + ")::varchar(10)::text" },
			func() string { return "xmlserialize(CONTENT xmlelement(name x, " + g.expr(words) + ") AS text)" },
		)()
	case day:
		return pick(g, g.constant(day), "("+g.expr(day)+" + interval '1 day')", "date_trunc('month', "+g.expr(day)+")")
	}
	return g.condition()
}

func (g *generator) condition() string {
	return pick(g,
		func() string { return g.expr(number) + pick(g, " = ", " < ", " >= ", " <> ") + g.expr(number) },
		func() string { return g.expr(words) + pick(g, " = ", " LIKE ", " ~ ", " > ") + g.expr(words) },
		func() string { return g.expr(pick(g, words, number, day)) + pick(g, " IS NULL", " IS NOT NULL") },
		func() string { return "(" + g.expr(truth) + pick(g, " AND ", " OR ") + g.expr(truth) + ")" },
		func() string { return "NOT (" + g.expr(truth) + ")" },
		func() string { return g.expr(words) + " IN ('a', " + g.expr(words) + ")" },
		func() string { return g.expr(number) + " BETWEEN " + g.expr(number) + " AND 9" },
		func() string { return g.expr(words) + " IS DISTINCT FROM " + g.expr(words) },
		func() string { return g.expr(words) + " = ANY (ARRAY[" + g.expr(words) + "])" },
		func() string { return "(" + g.expr(number) + ", " + g.expr(words) + ") < (1, 'a')" },
		func() string {
			if g.depth > 4 {
				return "true"
			}
			sql, _ := g.selectQuery()
			return pick(g, "EXISTS (", "NOT EXISTS (") + sql + ")"
		},
		func() string {
			if g.depth > 4 {
				return "false"
			}
			return g.expr(number) + pick(g, " IN ", " = ANY ", " > ALL ") + g.scalarQuery(number)
		},
	)()
}

func (g *generator) scalarQuery(kind string) string {
	from, frame := g.from()
	g.frames = append(g.frames, frame)
	defer func() { g.frames = g.frames[:len(g.frames)-1] }()
	e := g.expr(kind)
	if g.chance(40) {
		e = "max(" + e + ")"
		return "(SELECT " + e + from + ")"
	}
	return "(SELECT " + e + from + " LIMIT 1)"
}

func (g *generator) constant(kind string) string {
	switch kind {
	case number:
		return pick(g, "1", "2.5", "10")
	case words:
		return pick(g, "'a'", "'DE%'", "NULL::text")
	case day:
		return "date '2024-01-01'"
	}
	return pick(g, "true", "false")
}

package oracle

import (
	"slices"
	"strings"
)

// from writes a FROM clause, perhaps none, and returns what it lets be seen.
func (g *generator) from() (string, frame) {
	g.depth++
	defer func() { g.depth-- }()
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
	if g.chance(25) && g.shallow() {
		return g.join(beside)
	}
	sql, s := g.simpleItem(beside, true)
	return sql, frame{s}
}

func (g *generator) join(beside frame) (string, frame) {
	left, l := g.simpleItem(beside, true)
	kind := pick(g, "JOIN", "INNER JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "LEFT OUTER JOIN")
	seen := append(slices.Clone(beside), l)
	right, r := g.simpleItem(seen, kind == "LEFT JOIN" || kind == "JOIN")
	both := frame{l, r}
	shared := slices.DeleteFunc(slices.Clone(l.columns), func(c field) bool {
		return !slices.ContainsFunc(r.columns, func(d field) bool { return d.name == c.name && d.kind == c.kind }) || !slices.Contains(comparable, c.kind)
	})
	name := g.alias(append(seen, r))
	switch {
	case g.chance(8):
		return left + " CROSS JOIN " + right, both
	case g.chance(6) && (len(shared) > 0 || g.chance(10)):
		return left + " NATURAL " + kind + " " + right, both
	case g.chance(35) && len(shared) > 0:
		c := pick(g, shared...)
		using := left + " " + kind + " " + right + " USING (" + c.name
		if d := shared[0]; d.name != c.name && g.chance(20) {
			using += ", " + d.name
		}
		switch {
		case g.chance(20):
			return using + ") AS " + name, append(both, source{name: name, columns: []field{c}})
		case g.chance(10):
			return "(" + using + ")) AS " + name, frame{{name: name, columns: unambiguous(append([]field{c}, unlike(c, l, r)...))}}
		}
		return using + ")", append(both, source{columns: []field{c}})
	case g.chance(8):
		return "(" + left + " CROSS JOIN " + right + ") AS " + name, frame{{name: name, columns: unambiguous(slices.Concat(l.columns, r.columns))}}
	case g.chance(10):
		third, t := g.simpleItem(append(seen, r), false)
		all := append(both, t)
		return left + " " + kind + " (" + right + " JOIN " + third + " ON true) ON " + g.inside(all, func() string { return g.expr(truth) }), all
	}
	on := g.inside(both, func() string { return g.expr(truth) })
	if strings.HasPrefix(kind, "FULL") {
		on = "true"
	}
	return left + " " + kind + " " + right + " ON " + on, both
}

// unlike are the columns that USING (c) leaves apart.
func unlike(c field, sides ...source) []field {
	var rest []field
	for _, s := range sides {
		for _, d := range s.columns {
			if d.name != c.name {
				rest = append(rest, d)
			}
		}
	}
	return rest
}

// A tableForm is a function, or what stands for one, as an item of FROM.
type tableForm struct {
	form    string
	columns []field // the first without a name is called like the item
	row     string  // the relation whose columns it has
	names   string  // names and types that must be given behind the alias
}

var tableForms = []tableForm{
	{form: "generate_series(1, $int)", columns: []field{{kind: integer}}},
	{form: "unnest($texts)", columns: []field{{kind: text}}},
	{form: "pg_catalog.generate_series($date, $date + 3, interval '1 day')", columns: []field{{kind: instant}}},
	{form: "clinic.visits_of($int)", row: "visits"},
	{form: "visits_of(pet => $int)", row: "visits"},
	{form: "clinic.calendar($date, $date)", columns: []field{{name: "day", kind: date}, {name: "number", kind: integer}}},
	{form: "calendar(last => $date, first => $date)", columns: []field{{name: "day", kind: date}, {name: "number", kind: integer}}},
	{form: "clinic.plus_one($int)", columns: []field{{name: "more", kind: integer}}},
	{form: "clinic.owner_of($int)", row: "owners"},
	{form: "unnest(clinic.keepers())", row: "owners"},
	{form: "clinic.handover($int)", columns: []field{{name: "keeper", kind: other, closed: true}, {name: "at", kind: date}}},
	{form: "jsonb_each_text($jsonb)", columns: []field{{name: "key", kind: text}, {name: "value", kind: text}}},
	{form: "jsonb_array_elements($jsonb)", columns: []field{{name: "value", kind: jsonb}}},
	{form: "regexp_matches($text, 'a')", columns: []field{{kind: texts}}},
	{form: "CURRENT_DATE", columns: []field{{kind: date}}},
	{form: "jsonb_to_record($jsonb)", names: ` (id int, iban text COLLATE "C", tags text[])`, columns: []field{{name: "id", kind: integer}, {name: "iban", kind: text}, {name: "tags", kind: texts}}},
	{form: "jsonb_populate_record(NULL::clinic.address, $jsonb)", columns: []field{{name: "street", kind: text}, {name: "city", kind: text}, {name: "zip", kind: text}}},
	{form: "unnest($texts, $ints)", names: " (word, number)", columns: []field{{name: "word", kind: text}, {name: "number", kind: integer}}},
	{form: "ROWS FROM (generate_series(1, 3), unnest($texts)) WITH ORDINALITY", names: " (n, word, at)", columns: []field{{name: "n", kind: integer}, {name: "word", kind: text}, {name: "at", kind: numeric}}},
	{form: "unnest($texts) WITH ORDINALITY", names: " (word)", columns: []field{{name: "word", kind: text}, {name: "ordinality", kind: numeric}}},
	{form: "ROWS FROM (jsonb_to_recordset($jsonb) AS (a int, b text), clinic.plus_one($int))", columns: []field{{name: "a", kind: integer}, {name: "b", kind: text}}},
	{
		form:    "XMLTABLE(XMLNAMESPACES('http://x' AS n, DEFAULT 'http://y'), '/n:r' PASSING $xml COLUMNS nr FOR ORDINALITY, word text PATH '@a' DEFAULT $text NOT NULL, number int)",
		columns: []field{{name: "nr", kind: integer}, {name: "word", kind: text}, {name: "number", kind: integer}},
	},
	{form: "XMLTABLE('/r' PASSING BY REF $xml COLUMNS iban text PATH $text)", columns: []field{{name: "iban", kind: text}}},
	{form: "(VALUES ($int, $text), (2, 'b'))", names: " (id, iban)", columns: []field{{name: "id", kind: integer}, {name: "iban", kind: text}}},
}

// closedTables are those that the role is denied.
var closedTables = []tableForm{
	{form: "clinic.all_owners()", row: "owners"},
	{form: "clinic.account_of($int)", columns: []field{{kind: text}}},
	{form: "vault.top_key()", columns: []field{{kind: text}}},
}

// table is a table or view by its full name.
func (g *generator) table() source {
	if g.chance(9) {
		return pick(g, g.closed...)
	}
	return pick(g, g.readable...)
}

// simpleItem is an item that is no join. lateral tells whether it may refer to
// those beside it.
func (g *generator) simpleItem(beside frame, lateral bool) (string, source) {
	switch {
	case len(g.with) > 0 && g.chance(50):
		s := pick(g, g.with...)
		return g.rename(s.name, s, beside)
	case g.shallow() && g.chance(20):
		return g.subquery(beside, lateral)
	case g.chance(10):
		return g.tableFunction(beside, lateral)
	}
	s := g.table()
	sql := s.full
	switch schema, _, _ := strings.Cut(s.full, "."); {
	case g.chance(5):
		sql = "ONLY " + sql
	case g.chance(3):
		sql = "ONLY (" + sql + ")"
	case g.chance(3):
		sql = g.database + "." + sql
	case g.chance(30) && (schema == "clinic" || schema == "report"):
		if !slices.ContainsFunc(g.with, func(w source) bool { return w.name == s.name }) {
			sql = s.name
		}
	}
	return g.rename(sql, s, beside)
}

func (g *generator) subquery(beside frame, lateral bool) (string, source) {
	name := g.alias(beside)
	prefix := ""
	if lateral && g.chance(40) {
		prefix = "LATERAL "
	} else {
		beside = nil
	}
	var columns []field
	sql := g.inside(beside, func() (sql string) {
		sql, columns = g.query()
		return sql
	})
	sql = prefix + "(" + sql + ") AS " + name
	if g.chance(10) && len(columns) > 0 {
		columns = slices.Clone(columns)
		columns[0].name = g.columnAlias()
		sql += " (" + columns[0].name + ")"
	}
	return sql, source{name: name, columns: unambiguous(columns)}
}

func (g *generator) tableFunction(beside frame, lateral bool) (string, source) {
	f := pick(g, tableForms...)
	if g.chance(5) {
		f = pick(g, closedTables...)
	}
	name := g.alias(beside)
	if !lateral {
		beside = nil
	}
	sql := g.inside(beside, func() string { return g.fill(f.form) })
	s := source{name: name, columns: append(slices.Clone(f.columns), g.rows[f.row]...)}
	for i := range s.columns {
		if s.columns[i].name == "" {
			s.columns[i].name = name
		}
	}
	if lateral && g.chance(20) && !strings.HasPrefix(sql, "(") {
		sql = "LATERAL " + sql
	}
	return sql + " AS " + name + f.names, s
}

// rename gives an item an alias, always if its name is taken, and sometimes its columns.
func (g *generator) rename(sql string, s source, beside frame) (string, source) {
	if beside.has(s.name) || g.chance(60) {
		s.name, s.full = g.alias(beside), ""
		s.columns = slices.Clone(s.columns)
		sql += pick(g, " AS ", " ") + s.name
		if g.chance(25) && len(s.columns) > 0 {
			var names []string
			for i := range 1 + g.random.IntN(len(s.columns)) {
				s.columns[i].name = pick(g, "c", "iban", "name") + string(rune('a'+i))
				names = append(names, s.columns[i].name)
			}
			sql += " (" + strings.Join(names, ", ") + ")"
			s.table = false
		}
	}
	if g.chance(4) && s.table && s.sampled {
		sql += pick(g, " TABLESAMPLE SYSTEM (50)", " TABLESAMPLE BERNOULLI (10) REPEATABLE (1)", " TABLESAMPLE pg_catalog.system (5)")
	}
	return sql, s
}

package oracle

import (
	"fmt"
	"slices"
	"strings"
)

// query is a query of any form, with what it returns.
func (g *generator) query() (string, []field) {
	g.depth++
	defer func() { g.depth-- }()
	shallow := g.shallow()
	switch {
	case shallow && g.chance(12):
		return g.withQuery()
	case shallow && g.chance(12):
		return g.setOperation()
	case g.chance(4):
		return g.values()
	case g.chance(2):
		s := g.table()
		return "TABLE " + s.full, s.columns
	case g.chance(15):
		return g.grouped()
	}
	return g.selectQuery()
}

// nested is a query where only its being there counts.
func (g *generator) nested() string {
	if !g.shallow() {
		return pick(g, "SELECT 1", "SELECT FROM clinic.pets", "VALUES (1)")
	}
	sql, _ := g.query()
	return sql
}

func (g *generator) values() (string, []field) {
	k, l := pick(g, comparable...), pick(g, comparable...)
	row := func() string { return "(" + g.expr(k) + ", " + g.expr(l) + ")" }
	sql := "VALUES " + row()
	if g.chance(50) {
		sql += ", " + row()
	}
	if g.chance(15) {
		sql += pick(g, " ORDER BY column1", " ORDER BY 2 DESC", " LIMIT 1")
	}
	return sql, []field{{name: "column1", kind: k}, {name: "column2", kind: l}}
}

func (g *generator) withQuery() (string, []field) {
	before := len(g.with)
	defer func() { g.with = g.with[:before] }()
	if g.chance(20) {
		return g.recursive()
	}
	var list []string
	for range 1 + g.random.IntN(2) {
		name := g.alias(g.with[before:])
		sql, columns := g.query()
		columns = slices.Clone(columns)
		head := name
		if g.chance(30) && len(columns) > 0 {
			columns[0].name = g.columnAlias()
			head += " (" + columns[0].name + ")"
		}
		list = append(list, head+" AS "+pick(g, "", "", "MATERIALIZED ", "NOT MATERIALIZED ")+"("+sql+")")
		g.with = append(g.with, source{name: name, columns: unambiguous(columns)})
	}
	sql, columns := g.selectQuery()
	return "WITH " + strings.Join(list, ", ") + " " + sql, columns
}

// recursive is a query over a table that is gone through step by step.
func (g *generator) recursive() (string, []field) {
	name, columns := g.alias(nil), []field{{name: "id", kind: integer}, {name: "name", kind: text}}
	t := pick(g, "clinic.owners", "clinic.staff", "clinic.pets", "clinic.suppliers", "clinic.pet_list")
	value := pick(g, "name", "name", "name", "'x'::text AS name", "$closed")
	if value == "$closed" {
		value = map[string]string{"clinic.owners": "iban", "clinic.staff": "salary::text"}[t]
		if value == "" {
			value = "name"
		}
	}
	sql := fmt.Sprintf("WITH RECURSIVE %s (id, name) AS (SELECT id, %s FROM %s WHERE id = 1 UNION ALL SELECT r.id + 1, o.%s FROM %s r JOIN %s o ON o.id = r.id WHERE r.id < 3)",
		name, value, t, pick(g, "name", "name", "name::text"), name, t)
	if g.chance(40) {
		sql += " SEARCH " + pick(g, "DEPTH", "BREADTH") + " FIRST BY " + pick(g, "id", "id, name") + " SET ord"
		columns = append(columns, field{name: "ord", kind: other})
	}
	if g.chance(40) {
		sql += " CYCLE id SET looped " + pick(g, "", "TO 'y'::text DEFAULT 'n'::text ", "TO 1 DEFAULT 0 ") + "USING path"
		columns = append(columns, field{name: "path", kind: other})
	}
	g.with = append(g.with, source{name: name, columns: columns})
	body, outputs := g.selectQuery()
	return sql + " " + body, outputs
}

func (g *generator) setOperation() (string, []field) {
	k, l := pick(g, comparable...), pick(g, comparable...)
	columns := []field{{name: g.columnAlias(), kind: k}, {name: "other", kind: l}}
	arm := func() string {
		from, f := g.from()
		return g.inside(f, func() string {
			return "SELECT " + g.expr(k) + " AS " + columns[0].name + ", " + g.expr(l) + " AS other" + from
		})
	}
	sql := arm() + g.setOperator() + arm()
	switch {
	case g.chance(15):
		sql += g.setOperator() + arm()
	case g.chance(15):
		sql = "(" + arm() + " LIMIT 2)" + g.setOperator() + "(" + sql + ")"
	}
	if g.chance(30) {
		sql += " ORDER BY " + pick(g, "1", "2", "1 DESC, 2 NULLS FIRST", "other")
	}
	return sql, columns
}

func (g *generator) setOperator() string {
	return pick(g, " UNION ", " INTERSECT ", " EXCEPT ") + pick(g, "", "ALL ")
}

// wholes are outputs that are a row, or all of it.
var wholes = []string{"to_jsonb(%s)", "%s::text", "count(%s) OVER ()", "%s IS NULL", "ROW(%s.*)", "(%s).name", "(%s).*", "%s", "(%s.*)::text", "jsonb_agg(%s) OVER ()", "%[1]s = %[1]s"}

// windowed are outputs that are computed over a window; %s is what it is.
var windowed = []string{
	"rank() OVER %s", "row_number() OVER %s", "sum($int) OVER %s", "lag($text, 1) OVER %s", "last_value($sortable) OVER %s", "first_value($any) OVER %s", "count(*) FILTER (WHERE $bool) OVER %s",
	"ntile(2) OVER %s", "avg($numeric) OVER %s", "string_agg($text, ',') OVER %s", "nth_value($any, 2) OVER %s",
}

var windows = []string{
	"()", "(ORDER BY $text)", "(PARTITION BY $any)", "(PARTITION BY $any ORDER BY $any DESC NULLS LAST)", "(ORDER BY $int ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE TIES)",
	"(ORDER BY $int RANGE BETWEEN 1 PRECEDING AND 2 FOLLOWING)", "(ORDER BY $any GROUPS 1 PRECEDING EXCLUDE CURRENT ROW)", "(ORDER BY $date RANGE BETWEEN interval '1 day' PRECEDING AND CURRENT ROW)",
	"(ORDER BY $any USING <)",
}

// selectQuery is a SELECT without groups.
func (g *generator) selectQuery() (string, []field) {
	from, f := g.from()
	var columns []field
	sql := g.inside(f, func() string {
		var targets []string
		window := ""
		if g.chance(6) {
			window = g.fill(pick(g, windows...))
		}
		for range 1 + g.random.IntN(3) {
			target, add := g.target(f, window != "")
			targets = append(targets, target)
			columns = append(columns, add...)
		}
		if g.chance(1) {
			targets, columns = nil, nil
		}
		distinct := ""
		switch {
		case g.chance(6):
			distinct = "DISTINCT "
		case g.chance(4):
			distinct = "DISTINCT ON (" + g.key(pick(g, comparable...)) + ") "
		}
		sql := "SELECT " + distinct + strings.Join(targets, ", ") + from
		if g.chance(40) {
			sql += " WHERE " + g.expr(truth)
		}
		if window != "" {
			sql += " WINDOW w AS " + window
		}
		return sql + g.orderAndLimit(columns, distinct == "")
	})
	return sql, columns
}

func (g *generator) target(f frame, window bool) (string, []field) {
	named := slices.DeleteFunc(slices.Clone(f), func(s source) bool { return s.name == "" })
	shown := slices.DeleteFunc(slices.Clone(named), func(s source) bool {
		return slices.ContainsFunc(s.columns, func(c field) bool { return c.closed }) && !g.chance(25)
	})
	switch {
	case len(shown) > 0 && g.chance(6):
		s := pick(g, shown...)
		if len(shown) == len(f) && g.chance(40) {
			var all []field
			for _, s := range f {
				all = append(all, s.columns...)
			}
			return "*", all
		}
		return s.name + ".*", s.columns
	case len(shown) > 0 && g.chance(5):
		return fmt.Sprintf(pick(g, wholes...), pick(g, shown...).name), nil
	case len(named) > 0 && g.chance(6): // of any type
		if s := pick(g, named...); len(s.columns) > 0 {
			c := pick(g, s.columns...)
			if !c.closed || g.chance(30) {
				return s.name + "." + c.name, []field{c}
			}
		}
	case g.chance(8):
		form, over := pick(g, windowed...), "w"
		if g.json && g.chance(10) {
			form = pick(g, "JSON_ARRAYAGG($any) OVER %s", "JSON_OBJECTAGG($int : $any) FILTER (WHERE $bool) OVER %s")
		}
		if !window || g.chance(30) {
			over = pick(g, windows...)
		} else if g.chance(10) {
			over = "(w)"
		}
		return g.fill(fmt.Sprintf(form, over)), nil
	}
	k := pick(g, comparable...)
	if g.chance(10) {
		k = pick(g, truth, xml, address, period, interval)
	}
	name := g.columnAlias()
	return g.expr(k) + " AS " + name, []field{{name: name, kind: k}}
}

func (g *generator) orderAndLimit(columns []field, order bool) string {
	sql := ""
	if order && g.chance(20) {
		sql = " ORDER BY " + g.sortKey(columns) + pick(g, "", "", " DESC", " ASC NULLS FIRST", " NULLS LAST", " USING <", " USING OPERATOR(pg_catalog.>)")
		if g.chance(15) {
			return sql + " FETCH FIRST 3 ROWS WITH TIES"
		}
	}
	if g.chance(12) {
		sql += g.fill(pick(g, " LIMIT 3", " LIMIT ALL", " LIMIT (SELECT count(*) FROM clinic.pets)", " LIMIT (SELECT max(length(iban)) FROM clinic.suppliers)",
			" OFFSET 1", " LIMIT 2 OFFSET 1 + 1", " OFFSET 1 ROWS FETCH NEXT ROW ONLY", " FETCH FIRST (1 + 1) ROWS ONLY"))
	}
	return sql
}

func (g *generator) sortKey(columns []field) string {
	if len(columns) > 0 && g.chance(40) {
		if c := pick(g, columns...); slices.Contains(comparable, c.kind) && slices.Contains(unambiguous(columns), c) {
			return c.name
		}
	}
	return g.key(pick(g, comparable...))
}

// aggregates are outputs over a group.
var aggregates = []string{
	"count(*)", "count(DISTINCT $text)", "sum($numeric)", "max($sortable)", "min($sortable)", "string_agg($text, ',' ORDER BY $int DESC, $text)", "array_agg(DISTINCT $any)",
	"count(*) FILTER (WHERE $bool)", "percentile_cont(0.5) WITHIN GROUP (ORDER BY $numeric)", "mode() WITHIN GROUP (ORDER BY $any)", "percentile_disc(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY $int)",
	"rank(1) WITHIN GROUP (ORDER BY $int)", "bool_or($bool)", "jsonb_object_agg($int, $any)", "json_agg($row)", "xmlagg($xml ORDER BY $int)", "every($bool)", "avg($numeric)", "corr($int, $int)",
	"sum(sum($int)) OVER ()", "count(ALL $any)",
}

// grouped is a SELECT with GROUP BY.
func (g *generator) grouped() (string, []field) {
	from, f := g.from()
	k := pick(g, text, integer, date, species)
	name := g.columnAlias()
	sql := g.alone(f, func() string {
		key, again := g.key(k), g.key(text)
		by := pick(g, key, key, "1", name, "ROLLUP ("+key+", "+again+")", "CUBE ("+key+", "+again+")", "GROUPING SETS (("+key+"), ())",
			"GROUPING SETS (ROLLUP ("+key+"), CUBE ("+again+"))", "DISTINCT ROLLUP ("+key+"), ROLLUP ("+key+")", "("+key+", "+again+")", key+", ()")
		targets := key + " AS " + name + ", " + g.fill(pick(g, aggregates...)) + " AS n"
		if by != "1" && by != name && g.chance(40) {
			targets += ", grouping(" + key + ")"
		}
		if g.chance(10) {
			return "SELECT " + g.fill(pick(g, aggregates...)) + " AS " + name + ", " + g.fill(pick(g, aggregates...)) + from
		}
		sql := "SELECT " + targets + from + " GROUP BY " + by
		if g.chance(30) {
			sql += " HAVING " + g.fill(pick(g, "count($any) > 1", "max($sortable) IS NOT NULL", "bool_and($bool)"))
		}
		if g.chance(20) {
			sql += " ORDER BY " + pick(g, "1", "2", "n", key, "count(*)")
		}
		return sql
	})
	return sql, []field{{name: name, kind: k}, {name: "n", kind: other}}
}

// alone calls write with one frame in scope and none around it: what an aggregate
// reads tells PostgreSQL which query it belongs to.
func (g *generator) alone(f frame, write func() string) string {
	outside := g.frames
	g.frames = []frame{f}
	defer func() { g.frames = outside }()
	return write()
}

// aggregateQuery is a subquery that gives one value over all rows.
func (g *generator) aggregateQuery(forms []string) string {
	from, f := g.from()
	return "(" + g.alone(f, func() string { return "SELECT " + g.fill(pick(g, forms...)) + from }) + ")"
}

// scalarQuery is a subquery that gives one value of a kind.
func (g *generator) scalarQuery(k kind) string {
	if !g.shallow() {
		return "(SELECT " + pick(g, grammar[k].constants...) + ")"
	}
	from, f := g.from()
	return "(" + g.inside(f, func() string { return "SELECT " + g.expr(k) + from + " LIMIT 1" }) + ")"
}

// columnQuery is a subquery that gives a column of a kind.
func (g *generator) columnQuery(k kind) string {
	if !g.shallow() {
		return "(VALUES (" + pick(g, grammar[k].constants...) + "))"
	}
	from, f := g.from()
	return "(" + g.inside(f, func() string {
		sql := "SELECT " + g.expr(k) + from
		if g.chance(30) {
			sql += " WHERE " + g.expr(truth)
		}
		return sql
	}) + ")"
}

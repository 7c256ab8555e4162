package guard

import (
	"fmt"
	"strings"
	"testing"
)

// TestPlanningBounds finds the last statement of a shape that is admitted, and the
// first that is refused.
func TestPlanningBounds(t *testing.T) {
	p := wide(practice(t))
	list := func(n int, format, separator string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(parts, separator)
	}
	// below puts SELECT … FROM (…) around a query, n times.
	below := func(n int, targets, core, end string) string {
		return strings.Repeat("SELECT "+targets+" AS x FROM (", n) + "SELECT " + core + " AS x FROM pets" + strings.Repeat(end+") q", n)
	}
	tests := []struct {
		name  string
		shape func(n int) string
		most  int
	}{
		{"a list in FROM", func(n int) string { return "SELECT 1 FROM " + list(n, "pets p%d", ", ") }, maxJoined},
		{"joins", func(n int) string { return "SELECT 1 FROM pets p" + list(n-1, " JOIN pets p%d USING (id)", "") }, maxJoined},
		{"lists of joins", func(n int) string { return "SELECT 1 FROM (pets JOIN visits ON true), " + list(n-2, "pets p%d", ", ") }, maxJoined},
		{"functions in FROM", func(n int) string { return "SELECT 1 FROM " + list(n, "generate_series(1, 2) g%d", ", ") }, maxJoined},
		{"tables in all", func(n int) string { return list(n, "SELECT %d FROM pets", " UNION ALL ") }, maxItems},
		{"subqueries in FROM", func(n int) string { return below(n-1, "x", "id", "") }, maxItems},
		{"WITH queries", func(n int) string {
			return "WITH w AS (SELECT 1 FROM pets, pets b) " + list(n-2, "SELECT %d FROM w", " UNION ALL ")
		}, maxItems},
		{"WITH queries that are copied", func(n int) string {
			return "WITH w AS NOT MATERIALIZED (SELECT 1 FROM pets) " + list(n, "SELECT %d FROM w", " UNION ALL ")
		}, maxItems / 2},
		{"WITH queries that are copied twice", func(n int) string {
			return "WITH v AS NOT MATERIALIZED (SELECT 1 FROM pets), w AS NOT MATERIALIZED (SELECT 1 FROM v, v b) " + list(n, "SELECT %d FROM w", " UNION ALL ")
		}, maxItems / 5},
		{"a cube", func(n int) string { return "SELECT 1 FROM pets GROUP BY CUBE (" + list(n, "id + %d", ", ") + ")" }, 9},
		{"rollups", func(n int) string {
			return "SELECT 1 FROM pets GROUP BY " + list(n, "ROLLUP (id, name, owner_id + %d)", ", ")
		}, 4},
		{"grouping sets", func(n int) string {
			return "SELECT 1 FROM pets GROUP BY GROUPING SETS (" + list(n-12, "(id + %d)", ", ") + ", CUBE (id, name, born), ROLLUP (id, name), ())"
		}, maxSets},
		{"windows", func(n int) string { return "SELECT " + list(n, "sum(id) OVER (ORDER BY id + %d)", ", ") + " FROM pets" }, maxWindows},
		{"windows of no order", func(n int) string { return "SELECT " + list(n, "sum(id + %d) OVER ()", ", ") + " FROM pets" }, maxWindows},
		{"named windows", func(n int) string {
			return "SELECT sum(id) OVER w0 FROM pets WINDOW " + list(n, "w%d AS (PARTITION BY id + 1)", ", ")
		}, maxWindows},
		{"sums of sums", func(n int) string { return below(n, "x + x", "id", "") }, 12},
		{"sums of sums in order", func(n int) string { return below(n, "x + x", "id", " ORDER BY x") }, 12},
		{"sums of scalar subqueries", func(n int) string { return below(n, "x + x", "(SELECT max(id) FROM pets)", "") }, 7},
		{"BETWEEN", func(n int) string {
			return "SELECT " + strings.Repeat("(", n) + "id = 1" + strings.Repeat(") BETWEEN false AND true", n) + " FROM pets"
		}, 13},
		{"BETWEEN SYMMETRIC", func(n int) string {
			return "SELECT " + strings.Repeat("(", n) + "id = 1" + strings.Repeat(") NOT BETWEEN SYMMETRIC false AND true", n) + " FROM pets"
		}, 6},
		{"bounds of BETWEEN SYMMETRIC", func(n int) string {
			return "SELECT " + strings.Repeat("true BETWEEN SYMMETRIC (", n) + "id = 1" + strings.Repeat(") AND true", n) + " FROM pets"
		}, 12},
		{"IN", func(n int) string {
			return "SELECT " + strings.Repeat("(", n) + "id = 1" + strings.Repeat(") IN (id = 2, id = 3)", n) + " FROM pets"
		}, 8},
		{"conditions of WITH queries that are copied", func(n int) string {
			return "WITH w AS NOT MATERIALIZED (SELECT 1 FROM pets WHERE id IN (" + list(1000, "id + %d", ", ") + ")) " + list(n, "SELECT %d FROM w", " UNION ALL ")
		}, 10},
		{"whole rows", func(n int) string {
			return "SELECT " + list(n, "to_json(q) AS j%d", ", ") + " FROM (SELECT id" + strings.Repeat(" + id", 400) + " AS x FROM pets) q"
		}, 60},
		{"columns of USING", func(n int) string {
			side := "(SELECT id" + strings.Repeat(" + id", 15) + " AS x FROM pets)"
			return "SELECT " + list(n, "x AS x%d", ", ") + " FROM " + side + " a FULL JOIN " + side + " b USING (x)"
		}, 785},
		{"columns of subqueries", func(n int) string {
			return strings.Repeat("SELECT * FROM (", n) + "SELECT " + list(1000, "id AS c%d", ", ") + " FROM pets" + strings.Repeat(") q", n)
		}, 19},
		{"columns of joins", func(n int) string {
			return "WITH w AS MATERIALIZED (SELECT " + list(1000, "id AS c%d", ", ") + " FROM pets) SELECT 1 FROM w" + list(n-1, " CROSS JOIN w AS w%d", "")
		}, 5},
		{"a row", func(n int) string { return "SELECT ROW(" + list(n, "%d", ", ") + ")" }, maxOutputs},
		{"rows of rows", func(n int) string { return below(n, "ROW((x).*)", "pets", "") }, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, refusal := verdict(t, tt.shape(tt.most), p); refusal != nil {
				t.Errorf("%d are refused: %v", tt.most, refusal)
			}
			if _, refusal := verdict(t, tt.shape(tt.most+1), p); refusal == nil || refusal.Code != TooLong {
				t.Errorf("%d are admitted: %v", tt.most+1, refusal)
			}
		})
	}
}

// TestPlanningLeavesRoom shows that what the planner computes once may be used often.
func TestPlanningLeavesRoom(t *testing.T) {
	p := wide(practice(t))
	const deep = 20
	with := "WITH q0 AS (SELECT id AS x FROM pets)"
	for i := range deep {
		with += fmt.Sprintf(", q%d AS MATERIALIZED (SELECT x + x AS x FROM q%d)", i+1, i)
	}
	names := "'Rex'" + strings.Repeat(", 'Rex'", 4000)
	for name, sql := range map[string]string{
		"materialised": with + fmt.Sprintf(" SELECT x FROM q%d", deep),
		"limited":      strings.Repeat("SELECT x + x AS x FROM (", deep) + "SELECT id AS x FROM pets" + strings.Repeat(" LIMIT 10) q", deep),
		"skipped":      strings.Repeat("SELECT x + x AS x FROM (", deep) + "SELECT id AS x FROM pets" + strings.Repeat(" OFFSET 1) q", deep),
		"constants":    "SELECT upper(lower(upper(lower(upper(lower(name)))))) IN (" + names + ") FROM pets",
		"one window":   "SELECT sum(id) OVER w" + strings.Repeat(", sum(id) OVER w", 200) + " FROM pets WINDOW w AS (ORDER BY id)",
		"stars":        strings.Repeat("SELECT * FROM (", 90) + "SELECT * FROM pets" + strings.Repeat(") q", 90),
	} {
		if _, refusal := verdict(t, sql, p); refusal != nil {
			t.Errorf("%s: %v", name, refusal)
		}
	}
}

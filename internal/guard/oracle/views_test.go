package oracle

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// The views that the lineage is tested with, and the tables below them.
const (
	viewTables = "../../catalog/testdata/lineage.sql"
	viewCases  = "../../catalog/testdata/lineage.txt"
)

// contents are the rows of the tables: for each column what its value is made of
// the row's number i, and for some what else it could be.
var contents = []struct {
	table   string
	columns [][3]string // name, value, other value
}{
	{"owners", [][3]string{
		{"id", "i", "i + 3"},
		{"name", "chr(97 + i % 5)", "chr(98 + i * 3 % 4)"},
		{"city", "chr(120 + i % 3)"},
		{"iban", "case when i % 4 > 0 then chr(97 + i * 7 % 11) end", "case when i % 3 > 0 then chr(100 + i * 5 % 7) end"},
		{"tags", "array['a', chr(97 + i % 3)]"},
		{"since", "date '2020-01-01' + i"},
		{"prefs", `jsonb_build_object('a', i, 'b', i::text, 'c', jsonb_build_array(jsonb_build_object('b', 'x')))`},
		{"doc", "xmlparse(document '<a>' || i || '</a>')"},
	}},
	{"vips", [][3]string{{"id", "100 + i"}, {"name", "'v'"}, {"city", "'x'"}, {"iban", "chr(97 + i)"}, {"level", "i"}}},
	{"pets", [][3]string{
		{"id", "i"}, {"owner_id", "i % 6", "i % 4 + 2"}, {"name", "chr(97 + i % 7)"}, {"kind", "chr(97 + i % 2)", "chr(97 + i % 3)"}, {"weight", "i % 5"},
	}},
	{"visits", [][3]string{{"id", "i"}, {"pet_id", "i % 4"}, {"cost", "i * 2"}, {"day", "date '2024-01-20' + i * 3"}}},
	{"staff", [][3]string{
		{"id", "i"}, {"boss_id", "case when i > 1 then i / 2 end", "case when i > 2 then i - 2 end"}, {"name", "chr(97 + i % 5)"}, {"salary", "i % 7 + 1", "i % 4 + 3"},
	}},
	{"held", [][3]string{
		{"id", "i"}, {"pair", "row(i, chr(97 + i))::pair", "row(-i, chr(100 + i))::pair"}, {"pairs", "array[row(i, 'a')::pair]"},
		{"owner", "(select o from owners o order by o.ctid limit 1)"},
	}},
}

// fill gives the tables their contents. Of the table changed, the column or, for
// "", the number of rows is another one.
func fill(t *testing.T, tx pgx.Tx, changed, column string) {
	t.Helper()
	for _, c := range contents {
		rows := 12
		if c.table == changed && column == "" {
			rows = 17
		}
		var names, values []string
		for _, x := range c.columns {
			names, values = append(names, x[0]), append(values, x[1])
			if c.table == changed && column == x[0] {
				values[len(values)-1] = x[2]
			}
		}
		sql := fmt.Sprintf("truncate only %s; insert into %[1]s (%s) select %s from generate_series(1, %d) i",
			c.table, strings.Join(names, ", "), strings.Join(values, ", "), rows)
		if c.table == "visits" {
			sql = strings.Replace(sql, "only ", "", 1)
		}
		if _, err := tx.Exec(t.Context(), sql+"; refresh materialized view kept"); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// unstable are views whose rows differ each time, or come from no table.
var unstable = map[string]bool{"system_columns": true, "sampled_by": true, "sequence": true}

// TestViewsTellNothing changes what is blocked, one column and one table at a
// time: what may be read of each view stays the same, row by row, and its plan
// does not name it.
func TestViewsTellNothing(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		conn, err := pgx.Connect(t.Context(), s.Open(t, viewScript(t, s.Version()/10000)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(context.Background()) })
		c, err := catalog.Load(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		before := readViews(t, conn, c, "", "")
		open, closed, told, plans := 0, 0, 0, 0
		for _, table := range contents {
			for _, x := range append(table.columns, [3]string{}) {
				if x[2] == "" && (x[0] != "" || table.table == "vips" || table.table == "visits") {
					continue
				}
				p := blocking(table.table, x[0]).Close(c)
				after := readViews(t, conn, c, table.table, x[0])
				for view, texts := range after {
					for i := range texts {
						same := texts[i] == before[view][i]
						switch {
						case !p.Column(view, &view.Columns[i]):
							closed++
							if !same {
								told++
							}
						case !same:
							t.Errorf("%s.%s tells of %s.%s", view, view.Columns[i].Name, table.table, x[0])
						default:
							open++
						}
					}
				}
				plans += planNamesNot(t, conn, p, x[0])
			}
		}
		t.Logf("%d columns of views may be read, none tells of what is blocked; of %d that may not, %d do; %d plans", open, closed, told, plans)
		if open < 2500 || told < 300 || plans < 300 {
			t.Error("the test proves little")
		}
	})
}

// viewScript makes the tables and the views that a release of PostgreSQL knows.
func viewScript(t *testing.T, release int) string {
	t.Helper()
	tables, err := os.ReadFile(viewTables)
	if err != nil {
		t.Fatal(err)
	}
	views, err := os.ReadFile(viewCases)
	if err != nil {
		t.Fatal(err)
	}
	script := string(tables)
	for block := range strings.SplitSeq(string(views), "\n\n") {
		needs := 0
		for line := range strings.Lines(block + "\n") {
			if comment, ok := strings.CutPrefix(line, "# "); ok {
				needs, _ = strconv.Atoi(strings.TrimSpace(comment))
			} else if needs <= release && !strings.HasPrefix(line, "=> ") && !strings.HasPrefix(line, "   ") {
				script += line
			}
		}
	}
	return script
}

// blocking are the rules that block a column, or for "" a table. What the views
// call may be called, but for what reads tables itself.
func blocking(table, column string) *policy.Rules {
	s := config.Security{
		AllowFunctions: []string{"public.double", "public.same"},
		AllowExplain:   true,
		Limits:         config.Limits{MaxStatementSize: 16 << 10, MaxTokens: 4000},
	}
	if column == "" {
		s.Blocked.Tables = []string{"public." + table}
	} else {
		s.Blocked.Columns = []string{table + "." + column}
	}
	return policy.Compile(&config.Config{Security: s, Databases: map[string]config.Database{"views": {Schemas: []string{"public"}}}}, "views")
}

// tested are the views that the tests read.
func tested(c *catalog.Catalog) (views []*catalog.Relation) {
	for _, r := range c.Relations {
		if (r.Kind == catalog.View || r.Kind == catalog.MaterializedView) && !unstable[r.Name] {
			views = append(views, r)
		}
	}
	return views
}

// readViews reads the columns of each view, in the order of the rows, after a
// change that it takes back.
func readViews(t *testing.T, conn *pgx.Conn, c *catalog.Catalog, changed, column string) map[*catalog.Relation][]string {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	fill(t, tx, changed, column)
	batch := &pgx.Batch{}
	views := tested(c)
	for _, view := range views {
		// Of a view without columns there is the number of rows.
		sql := "select array[count(*)::text"
		for _, x := range view.Columns {
			sql += ", count(*) || ':' || string_agg(coalesce(v." + catalog.Quote(x.Name) + "::text, 'null'), ',')"
		}
		batch.Queue(sql + "] from " + view.Quoted() + " v")
	}
	results := tx.SendBatch(t.Context(), batch)
	defer results.Close()
	texts := map[*catalog.Relation][]string{}
	for _, view := range views {
		var columns []*string
		if err := results.QueryRow().Scan(&columns); err != nil {
			t.Fatalf("%s: %v", view, err)
		}
		for _, text := range columns[1:] {
			texts[view] = append(texts[view], *cmp.Or(text, new(string)))
		}
	}
	return texts
}

// planNamesNot shows that plans which may be seen do not name a blocked column,
// where no other table has a column of that name. It counts them.
func planNamesNot(t *testing.T, conn *pgx.Conn, p *policy.Policy, column string) int {
	t.Helper()
	if column == "" || column == "id" || column == "name" {
		return 0
	}
	batch := &pgx.Batch{}
	for _, view := range tested(p.Catalog) {
		var names []string
		for _, x := range p.Columns(view) {
			names = append(names, catalog.Quote(x.Name))
		}
		sql := "EXPLAIN (FORMAT JSON) SELECT " + strings.Join(names, ", ") + " FROM " + view.Quoted()
		if _, err := guard.Check(sql, p); err == nil {
			batch.Queue(sql)
		}
	}
	results := conn.SendBatch(t.Context(), batch)
	defer results.Close()
	mention := regexp.MustCompile(`\b` + column + `\b`)
	for _, q := range batch.QueuedQueries {
		var plan string
		if err := results.QueryRow().Scan(&plan); err != nil {
			t.Fatalf("%s: %v", q.SQL, err)
		}
		if mention.MatchString(plan) {
			t.Errorf("%s names %s:\n%s", q.SQL, column, plan)
		}
	}
	return batch.Len()
}

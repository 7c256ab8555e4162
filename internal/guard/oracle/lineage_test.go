package oracle

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// TestLineage compares what the guard says that a statement reads with what
// PostgreSQL says: it makes a view of the statement and looks up what the view
// depends on.
func TestLineage(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		conn := open(t, s)
		p := policyOf(t, conn)
		if _, err := conn.Exec(t.Context(), "set search_path = "+strings.Join(p.SearchPath, ", ")); err != nil {
			t.Fatal(err)
		}
		compared, left := 0, map[string]int{}
		for _, sql := range statements(t, "../testdata/allowed/*.txt") {
			checked, err := guard.Check(sql, p)
			if err != nil {
				left["of a newer server"]++ // only those are refused on an older one
				continue
			}
			reads, why := dependencies(t, conn, sql)
			if why != "" {
				left[why]++
				continue
			}
			compared++
			want := wholeRows(checked.Reads(), reads, p)
			if diff := cmp.Diff(want, userReads(checked.Reads())); diff != "" {
				t.Errorf("%s\n(-PostgreSQL +guard)\n%s", sql, diff)
			}
		}
		t.Logf("%d statements compared, left out: %v", compared, left)
		if compared < 200 {
			t.Errorf("only %d statements could be compared", compared)
		}
	})
}

// TestLineageOfRandomStatements is TestLineage for what nobody wrote.
func TestLineageOfRandomStatements(t *testing.T) {
	conn := open(t, pgtest.Any(t))
	p := policyOf(t, conn)
	if _, err := conn.Exec(t.Context(), "set search_path = "+strings.Join(p.SearchPath, ", ")); err != nil {
		t.Fatal(err)
	}
	g := newGenerator(4, p)
	compared, refused, left := 0, 0, 0
	for range 3000 {
		sql := g.statement()
		checked, err := guard.Check(sql, p)
		if err != nil {
			refused++
			continue
		}
		reads, why := dependencies(t, conn, sql)
		if why != "" {
			left++
			continue
		}
		compared++
		if diff := cmp.Diff(wholeRows(checked.Reads(), reads, p), userReads(checked.Reads())); diff != "" {
			t.Errorf("%s\n(-PostgreSQL +guard)\n%s", sql, diff)
		}
	}
	t.Logf("%d statements compared, %d refused, %d not valid", compared, refused, left)
	if compared < 150 {
		t.Errorf("only %d statements could be compared", compared)
	}
}

// policyOf closes the fixture's rules over the database itself.
func policyOf(t *testing.T, conn *pgx.Conn) *policy.Policy {
	t.Helper()
	c, err := catalog.Load(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("../testdata/policy.json")
	if err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{}
	if err := json.Unmarshal(b, cfg); err != nil {
		t.Fatal(err)
	}
	return policy.Compile(cfg, "practice").Close(c)
}

// statements are those of the guard's case files, without the verdicts.
func statements(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	var all []string
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sql := ""
		for line := range strings.Lines(string(b)) {
			switch {
			case strings.HasPrefix(line, "#"), strings.HasPrefix(line, "   "):
			case line == "\n" || strings.HasPrefix(line, "=>"):
				if sql != "" {
					all = append(all, sql)
				}
				sql = ""
			default:
				sql += line
			}
		}
	}
	return all
}

// dependencies is what a view of sql depends on; why tells why there is none.
func dependencies(t *testing.T, conn *pgx.Conn, sql string) (reads guard.Reads, why string) {
	t.Helper()
	ctx := t.Context()
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	sql = strings.Trim(strings.TrimSpace(sql), ";")
	if strings.HasPrefix(sql, "EXPLAIN") {
		return reads, "EXPLAIN"
	}
	described, err := tx.Prepare(ctx, "", sql)
	if err != nil {
		return reads, "not accepted by this server: " + sql + ": " + err.Error()
	}
	if len(described.Fields) == 0 {
		return reads, "without columns"
	}
	names := make([]string, len(described.Fields))
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i+1)
	}
	if _, err := tx.Exec(ctx, "create temp view lineage ("+strings.Join(names, ", ")+") as "+sql); err != nil {
		return reads, "no view: " + err.Error()
	}
	rows, err := tx.Query(ctx, `
select coalesce(n.nspname || '.' || c.relname, ''), coalesce(a.attname, ''), coalesce(f.nspname || '.' || p.proname, '')
from pg_rewrite r
	join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.deptype = 'n'
	left join pg_class c on d.refclassid = 'pg_class'::regclass and c.oid = d.refobjid and c.oid <> r.ev_class and c.relkind <> 'c'
	left join pg_namespace n on n.oid = c.relnamespace
	left join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid and a.attnum > 0
	left join pg_proc p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
	left join pg_namespace f on f.oid = p.pronamespace
where r.ev_class = 'pg_temp.lineage'::regclass`)
	if err != nil {
		t.Fatal(err)
	}
	reads = guard.Reads{Tables: []string{}, Columns: []string{}, Functions: []string{}}
	var table, column, function string
	_, err = pgx.ForEachRow(rows, []any{&table, &column, &function}, func() error {
		if table != "" {
			reads.Tables = append(reads.Tables, table)
		}
		if column != "" {
			reads.Columns = append(reads.Columns, table+"."+column)
		}
		if function != "" {
			reads.Functions = append(reads.Functions, function)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range []*[]string{&reads.Tables, &reads.Columns, &reads.Functions} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return reads, ""
}

// userReads leaves out PostgreSQL's own functions, on which nothing depends.
func userReads(r guard.Reads) guard.Reads {
	r.Functions = slices.DeleteFunc(slices.Clone(r.Functions), func(f string) bool { return strings.HasPrefix(f, "pg_catalog.") })
	return r
}

// wholeRows adds the columns of the tables of which the guard says that all are
// read: PostgreSQL records a whole row as the table alone.
func wholeRows(checked, reads guard.Reads, p *policy.Policy) guard.Reads {
	for _, table := range checked.Tables {
		schema, name, _ := strings.Cut(table, ".")
		rel := p.Catalog.Relation(schema, name)
		if schema == "pg_catalog" {
			rel = p.CatalogRelation(name)
		}
		all := rel != nil
		var columns []string
		for i := 0; all && i < len(rel.Columns); i++ {
			column := table + "." + rel.Columns[i].Name
			columns = append(columns, column)
			all = slices.Contains(checked.Columns, column)
		}
		if all {
			reads.Columns = append(reads.Columns, columns...)
		}
	}
	slices.Sort(reads.Columns)
	reads.Columns = slices.Compact(reads.Columns)
	return reads
}

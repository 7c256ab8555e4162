package oracle

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
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
		setSearchPath(t, conn, p)
		compared, older := 0, tally{}
		for _, sql := range statements(t, "../testdata/allowed/*.txt") {
			sql = strings.ReplaceAll(sql, "practice.", p.Catalog.Database+".")
			checked, err := guard.Check(sql, p)
			if err != nil {
				older.add("the guard knows that the server does not understand it", sql)
				continue
			}
			switch reads, err := dependencies(t, conn, sql); {
			case err == nil:
				compared++
				compareReads(t, sql, reads.Reads, checked.Reads())
			case s.Version() < newerSyntax:
				older.add(err.Error(), sql)
			default:
				t.Errorf("%s\n%v", sql, err)
			}
		}
		t.Logf("%d statements compared, %d left out\n%s", compared, older.sum(), older.most(20))
		if left := leftOut[s.Version()/10000]; compared < 300 || older.sum() > left {
			t.Errorf("%d statements could be compared, %d could not, want at most %d", compared, older.sum(), left)
		}
	})
}

// leftOut is how many of the statements a server is too old for: 15 knows no
// SQL/JSON constructors and no numbers such as 1_000, others lack functions.
var leftOut = map[int]int{15: 19, 16: 2, 17: 1}

// newerSyntax is the server version from which on SQL/JSON constructors are known.
const newerSyntax = 160000

// TestLineageOfRandomStatements is TestLineage for what nobody wrote.
func TestLineageOfRandomStatements(t *testing.T) {
	conn := open(t, pgtest.Any(t))
	p := policyOf(t, conn)
	setSearchPath(t, conn, p)
	g := newGenerator(4, p)
	compared, refused, joins, invalid := 0, 0, 0, tally{}
	const count = 3_000
	for range count {
		sql := g.statement()
		checked, err := guard.Check(sql, p)
		if err != nil {
			refused++
			continue
		}
		reads, err := dependencies(t, conn, sql)
		if err != nil {
			invalid.add(err.Error(), sql)
			continue
		}
		compared++
		if reads.record && !cmp.Equal(reads.Reads, userReads(checked.Reads())) {
			joins++
			continue
		}
		compareReads(t, sql, reads.Reads, checked.Reads())
	}
	t.Logf("%d statements compared, %d of them but for rows of joins; %d refused, %d not valid:\n%s", compared, joins, refused, invalid.sum(), invalid.most(5))
	if compared < count/3 || joins > 3 || invalid.sum() > count/10 {
		t.Errorf("%d statements could be compared, %d are not valid", compared, invalid.sum())
	}
}

func setSearchPath(t *testing.T, conn *pgx.Conn, p *policy.Policy) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), "set search_path = "+strings.Join(p.SearchPath, ", ")); err != nil {
		t.Fatal(err)
	}
}

// compareReads fails unless the guard found what PostgreSQL did.
func compareReads(t *testing.T, sql string, want, got guard.Reads) {
	t.Helper()
	if diff := cmp.Diff(want, userReads(got)); diff != "" {
		t.Errorf("%s\n(-PostgreSQL +guard)\n%s", sql, diff)
	}
}

// userReads leaves out PostgreSQL's own functions, on which nothing depends.
func userReads(r guard.Reads) guard.Reads {
	r.Functions = slices.DeleteFunc(slices.Clone(r.Functions), func(f string) bool { return strings.HasPrefix(f, "pg_catalog.") })
	return r
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

// lineage is what PostgreSQL says that a view reads.
type lineage struct {
	guard.Reads
	record bool // a whole row of type record, which may be that of a join: nobody recorded its columns
}

// dependencies is what a view of sql depends on.
func dependencies(t *testing.T, conn *pgx.Conn, sql string) (lineage, error) {
	t.Helper()
	ctx := t.Context()
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	// Inside of a subquery, outputs may have equal names, and be records.
	sql = "create temp view lineage (one) as select 1 from (\n" + strings.Trim(explained(sql), "; \n") + "\n) as statement"
	if _, err := tx.Exec(ctx, sql); err != nil {
		return lineage{}, err
	}
	rows, err := tx.Query(ctx, dependenciesSQL)
	if err != nil {
		t.Fatal(err)
	}
	reads := lineage{Reads: guard.Reads{Tables: []string{}, Columns: []string{}, Functions: []string{}}}
	var table, column, function string
	var record bool
	_, err = pgx.ForEachRow(rows, []any{&table, &column, &function, &record}, func() error {
		reads.record = reads.record || record
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
	return reads, nil
}

// dependenciesSQL lists what pg_depend knows of the view, and of each whole row
// that its rule refers to, which pg_depend does not tell from any other use of the
// table, all columns: such a variable has the number 0 and the table's row type.
const dependenciesSQL = `
select coalesce(n.nspname || '.' || c.relname, ''), coalesce(a.attname, ''), coalesce(f.nspname || '.' || p.proname, ''),
	r.ev_action::text ~ ':varattno 0 :vartype 2249 '
from pg_rewrite r
	join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.deptype = 'n'
	left join pg_class c on d.refclassid = 'pg_class'::regclass and c.oid = d.refobjid and c.oid <> r.ev_class and c.relkind <> 'c'
	left join pg_namespace n on n.oid = c.relnamespace
	left join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid and a.attnum > 0
	left join pg_proc p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
	left join pg_namespace f on f.oid = p.pronamespace
where r.ev_class = 'pg_temp.lineage'::regclass
union
select n.nspname || '.' || c.relname, a.attname, '', false
from pg_rewrite r
	cross join regexp_matches(r.ev_action::text, ':varattno 0 :vartype ([0-9]+)', 'g') whole
	join pg_class c on c.reltype = whole[1]::oid and c.relkind <> 'c'
	join pg_namespace n on n.oid = c.relnamespace
	join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where r.ev_class = 'pg_temp.lineage'::regclass`

var queryStart = regexp.MustCompile(`(?i)\(*\b(SELECT|WITH|VALUES|TABLE)\b`)

// explained is the statement that an EXPLAIN is about, or any other as it is.
func explained(sql string) string {
	if !strings.HasPrefix(sql, "EXPLAIN") {
		return sql
	}
	return sql[queryStart.FindStringIndex(sql)[0]:]
}

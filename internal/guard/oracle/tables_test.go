package oracle

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// tables are what the guard knows of pg_catalog beside its routines, each with the
// query that makes its lines. They are the same in all releases; what a new one
// changes has to be thought about before the table can tell releases apart.
var tables = []struct{ file, header, query string }{
	{"../types.txt", `-- The types of pg_catalog that a statement may name: name, OID, category, OID of
-- the array type, and of a range type that of its multirange.
`, `
select concat_ws(' ', t.typname, t.oid, t.typcategory, t.typarray, r.rngmultitypid)
from pg_type t left join pg_range r on r.rngtypid = t.oid
where t.typnamespace = 'pg_catalog'::regnamespace and t.oid < 16384 and t.typtype in ('b', 'r', 'm')
	and t.typarray <> 0 and t.typname !~ '^(pg_node_tree|aclitem|gtsvector|reg(?!config))'
order by t.oid`},
	{"../casts.txt", `-- PostgreSQL's own casts that apply by themselves: the OID of the source, then of
-- the targets.
`, `
select castsource || ' ' || string_agg(casttarget::text, ' ' order by casttarget)
from pg_cast
where castcontext = 'i' and oid < 16384
group by castsource
order by castsource`},
	{"../operators.txt", `-- The operators of pg_catalog: name, and the OIDs of the types for which it exists
-- with both operands of that type.
`, `
select concat_ws(' ', oprname, string_agg(oprleft::text, ' ' order by oprleft) filter (where oprleft = oprright))
from pg_operator
where oprnamespace = 'pg_catalog'::regnamespace and oid < 16384
group by oprname
order by oprname`},
}

// TestTablesAreCurrent compares the tables with each server.
func TestTablesAreCurrent(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		conn, err := pgx.Connect(t.Context(), s.URL())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		for _, table := range tables {
			rows, err := conn.Query(t.Context(), table.query)
			if err != nil {
				t.Fatal(err)
			}
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				t.Fatal(err)
			}
			want := table.header + strings.Join(lines, "\n") + "\n"
			got, err := os.ReadFile(table.file)
			if err != nil {
				t.Fatal(err)
			}
			diff := cmp.Diff(want, string(got))
			switch {
			case diff == "":
			case *update:
				if err := os.WriteFile(table.file, []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("%s (-server +file), which -update mends:\n%s", table.file, diff)
			}
		}
	})
}

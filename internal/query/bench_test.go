package query

import (
	"testing"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

const benchScript = `
create table sales (id int primary key, shop int, amount numeric(10,2), note text);
insert into sales select g, g % 97, (g % 10007) / 7.0, 'note ' || g from generate_series(1, 3000000) g;
create table wide as select g as id from generate_series(1, 20000) g;
do $$ begin
	for i in 1..200 loop
		execute format('alter table wide add column c%s text default %L', i, repeat('v', 40));
	end loop;
end $$;
analyze;
`

// BenchmarkRun shows what a row cap of 1,000 costs; docs/row-cap.md compares it
// with other ways of capping.
func BenchmarkRun(b *testing.B) {
	db := open(b, pgtest.Open(b, benchScript))
	for _, c := range []struct{ name, sql string }{
		{"row_by_key", "select id, note from sales where id = 77777"},
		{"parallel_aggregate", "select shop, count(*), sum(amount) from sales group by shop"},
		{"1000_rows", "select id, shop, amount, note from sales where id <= 1000"},
		{"1500_rows_cut", "select id, shop, amount, note from sales where id <= 1500"},
		{"scan_cut", "select id, shop, amount, note from sales"},
		{"sort_cut", "select id, shop, amount, note from sales order by amount, id"},
		{"wide_cut", "select * from wide"},
	} {
		b.Run(c.name, func(b *testing.B) {
			o := ask(c.sql)
			o.limits.MaxBytes = 64 << 20
			for b.Loop() {
				if _, err := run(b.Context(), db, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

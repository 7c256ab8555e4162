package catalog_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// large makes 10,000 tables of 20 columns, each with a primary key and a comment.
const large = `
do $$
begin
	for i in 1..10000 loop
		execute format('create table t%s (id bigint primary key, customer_id bigint not null, c3 text, c4 text,
			c5 numeric(12,2), c6 numeric(12,2) default 0, c7 int, c8 int, c9 boolean, c10 boolean not null default true,
			c11 date, c12 timestamptz not null default now(), c13 timestamptz, c14 jsonb, c15 text[],
			c16 uuid, c17 varchar(40), c18 char(2), c19 double precision, note_%s text)', i, i);
		execute format('comment on table t%s is %L', i, 'table number ' || i);
		if i % 1000 = 0 then
			commit;
		end if;
	end loop;
end
$$`

func BenchmarkLoad(b *testing.B) {
	conn := connect(b, pgtest.Open(b, large), nil)
	var c *catalog.Catalog
	for b.Loop() {
		var err error
		if c, err = catalog.Load(b.Context(), conn); err != nil {
			b.Fatal(err)
		}
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.Sys)/1e6, "MB-from-system")
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc)/1e6, "MB-kept")
	if n := len(c.Relations); n != 10_000 {
		b.Fatalf("%d relations", n)
	}
}

// BenchmarkSearch searches 10,000 tables, of which half a thousand match.
func BenchmarkSearch(b *testing.B) {
	c := &catalog.Catalog{}
	for i := range 10_000 {
		r := &catalog.Relation{OID: uint32(20_000 + i), Schema: "public", Name: fmt.Sprintf("t%d_item", i), Kind: catalog.Table}
		for n := range 20 {
			r.Columns = append(r.Columns, catalog.Column{Name: fmt.Sprintf("%s_field_%d", []string{"price", "name", "day"}[n%3], i%20), Number: int16(n + 1)})
		}
		c.Relations = append(c.Relations, r)
	}
	c.Search("price", 1) // makes the index
	for b.Loop() {
		c.Search("what is the price of item 7", 20)
	}
}

// views makes 2,000 views, each of a join and a subquery over 20 columns.
const views = `
create table a (id int, c2 text, c3 text, c4 text, c5 text, c6 text, c7 text, c8 text, c9 text, c10 text);
create table b (id int, a int, d3 text, d4 text, d5 text, d6 text, d7 text, d8 text, d9 text, d10 text);
do $$
begin
	for i in 1..2000 loop
		execute format('create view v%s as select a.*, b.d3, upper(b.d4) as d4, b.d5, b.d6, b.d7, b.d8, b.d9 || b.d10 as d9,
			(select count(*) from b x where x.a = a.id) as n from a join b on b.a = a.id where a.id > %s and b.d3 <> %L', i, i, i);
	end loop;
end
$$`

func BenchmarkLoadViews(b *testing.B) {
	conn := connect(b, pgtest.Open(b, views), nil)
	for b.Loop() {
		c, err := catalog.Load(b.Context(), conn)
		if err != nil {
			b.Fatal(err)
		}
		if n := len(c.Relation("public", "v1000").Reads); n < 20 {
			b.Fatalf("a view reads %d things", n)
		}
	}
}

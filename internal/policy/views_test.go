package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// A view shows what is not made of something blocked, unless its rows depend on
// something blocked; through any number of views.
func TestViews(t *testing.T) {
	const tables = `
		create schema vault;
		create table people (id int, name text, phone text);
		create table vips () inherits (people);
		create table pets (id int, owner int, name text);
		create table cards (id int, number text);
		create table vault.keys (id int, key text);
		create function allowed(i int) returns int language sql immutable as 'select i';
		create function other(i int) returns int language sql immutable as 'select i';
		create type pair as (number int, word text);
		create table pairs (id int, pair pair);`
	tests := []struct {
		name    string // of the view
		query   string
		columns []string // that may be read; nil: the view is blocked whole
	}{
		{"shown", "select id, phone as contact, name from people", []string{"id", "name"}},
		{"of_child", "select id, phone from vips", []string{"id"}},
		{"of_parent", "select id, phone from only people", []string{"id"}},
		{"all_hidden", "select phone, upper(phone) as more from people", nil},
		{"filtered", "select id from people where phone like '0%'", nil},
		{"sorted", "select id from people order by phone", nil},
		{"grouped", "select phone, count(*) as n from people group by phone", nil},
		{"counted", "select name, count(phone) as n from people group by name", []string{"name"}},
		{"joined", "select p.id, o.phone from pets p join people o on o.id = p.owner", []string{"id"}},
		{"joined_on", "select p.id from pets p join people o on o.phone = p.name", nil},
		{"joined_using", "select id from people join (select name as phone from pets) p using (phone)", nil},
		{"all_of_both", "select id, name from people union all select id, phone from people", []string{"id"}},
		{"one_of_both", "select id, name from people union select id, phone from people", nil},
		{"whole_row", "select id, to_jsonb(p) as doc from people p", []string{"id"}},
		{"open_row", "select id, to_jsonb(p) as doc from pets p", []string{"id", "doc"}},
		{"row_itself", "select id, p as row from people p", []string{"id"}},
		{"table_beside", "select id, (select number from cards c where c.id = p.id) as card from people p", []string{"id"}},
		{"table_joined", "select p.id from people p, cards", nil},
		{"table_read", "select id from cards", nil},
		{"schema_beside", "select id, exists (select from vault.keys k where k.id = p.id) as keyed from people p", []string{"id"}},
		{"schema_read", "select p.id from people p left join vault.keys k on k.id = p.id", nil},
		{"catalog_beside", "select id, (select relname from pg_class c where c.oid = p.id) as relation from people p", []string{"id"}},
		{"catalog_read", "select id from people where exists (select from pg_class c where c.oid = id)", nil},
		{"function", "select id, allowed(id) as a, allowed(length(phone)) as b from people", []string{"id", "a"}},
		{"other_function", "select id, other(id) as a from people", nil},
		{"builtin", "select id, pg_read_file(name) as a from people", nil},
		{"attribute", "select id, (pair).word from pairs", []string{"id", "word"}},
		{"unused", "with p as (select * from people) select id, name from p", []string{"id", "name"}},

		{"over", "select id, contact, name from shown", []string{"id", "name"}},
		{"over_over", "select id, contact || name as a, length(name) as b from over", []string{"id", "b"}},
		{"over_condition", "select id from over where contact is null", nil},
		{"over_row", "select id, to_jsonb(o) as doc from over o", []string{"id"}},
		{"over_all_hidden", "select count(*) as n from all_hidden", []string{"n"}},
		{"over_blocked", "select id from sorted", nil},
		{"beside_blocked", "select id, (select max(s.id) from sorted s) as most from pets", []string{"id"}},
		{"over_both", "select a.id, a.name from all_of_both a join pets p on p.id = a.id", []string{"id"}},
		{"over_both_condition", "select a.id from all_of_both a join pets p on p.name = a.name", nil},
	}
	script, want := tables, map[string][]string{}
	for _, tt := range tests {
		script += "create view " + tt.name + " as " + tt.query + ";\n"
		script += "create materialized view kept_" + tt.name + " as " + tt.query + " with no data;\n"
		want[tt.name], want["kept_"+tt.name] = tt.columns, tt.columns
	}
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		c := load(t, s.Open(t, script))
		p := rules(config.Security{
			Blocked:        config.Blocked{Schemas: []string{"vault"}, Tables: []string{"public.cards"}, Columns: []string{"people.phone"}},
			AllowFunctions: []string{"public.allowed"},
		}, "public").Close(c)
		got := map[string][]string{}
		for name := range want {
			r := c.Relation("public", name)
			switch p.Verdict(r) {
			case policy.BlockedView:
				got[name] = nil
			case policy.Allowed:
				got[name] = []string{}
			default:
				t.Errorf("%s has verdict %d", name, p.Verdict(r))
			}
			for _, column := range p.Columns(r) {
				got[name] = append(got[name], column.Name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// A view may be built with what shows each reader only what is theirs, although no
// statement may call it.
func TestBuiltinsOfViews(t *testing.T) {
	for name, want := range map[string]bool{
		"current_setting": true, "has_column_privilege": true, "has_schema_privilege": true, "has_table_privilege": true,
		"pg_has_role": true, "row_security_active": true, "lower": true, "pg_read_file": false, "upper": false,
	} {
		view := &catalog.Relation{OID: 1, Schema: "public", Name: "mine", Kind: catalog.View, Columns: []catalog.Column{{Name: "id", Number: 1}},
			Reads: []catalog.Dependency{{Builtin: name}}}
		p := rules(config.Security{Blocked: config.Blocked{Functions: []string{"pg_catalog.upper"}}}, "public").
			Close(&catalog.Catalog{ServerVersion: 180000, Schemas: []string{"public"}, Relations: []*catalog.Relation{view}})
		if got := p.Relation(view); got != want {
			t.Errorf("a view with %s may be read: %v, want %v", name, got, want)
		}
	}
}

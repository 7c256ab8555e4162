package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// A value of a row type shows the columns that are blocked, however it is wrapped.
func TestColumnsMadeOfRows(t *testing.T) {
	c := load(t, pgtest.Open(t, `
		create table people (id int, iban text);
		create table vips () inherits (people);
		create table animals (id int, name text);
		create type pair as (number int, person people);
		create domain person as people;
		create domain pairs as pair[];
		create table held (id int, one people, many people[], vip vips, pair pair, person person, pairs pairs,
			animal animals, animals animals[], numbers int[]);
		create table holders (id int, held held);
		create view ones as select one from held;
		create view ids as select id from held;
		create view kept as select animal from held;
		create table of_views (id int, one ones, kept kept);
		create function everyone() returns people[] language sql as 'select array_agg(p) from people p';`))
	p := rules(config.Security{Blocked: config.Blocked{Columns: []string{"people.iban"}}}, "public").Close(c)
	want := map[string][]string{
		"people": {"id"}, "vips": {"id"}, "animals": {"id", "name"}, "held": {"id", "animal", "animals", "numbers"},
		"holders": {"id"}, "ids": {"id"}, "kept": {"animal"}, "of_views": {"id", "kept"}, "ones": nil,
	}
	got := map[string][]string{}
	for _, r := range c.Relations {
		got[r.Name] = nil
		for _, column := range p.Columns(r) {
			got[r.Name] = append(got[r.Name], column.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if v := p.Verdict(c.Relation("public", "ones")); v != policy.BlockedView {
		t.Errorf("the view ones has verdict %d", v)
	}
	for typ, want := range map[string]bool{"people": true, "vips": true, "pair": true, "person": true, "pairs": true, "animals": false, "kept": false, "ones": true} {
		if got := p.Reveals(c.ResolveType("public", typ, nil)); got != want {
			t.Errorf("Reveals(%s) = %v", typ, got)
		}
	}
	if f := c.FunctionsNamed("everyone")[0]; !p.Reveals(f.ResultElement) {
		t.Errorf("what %s returns reveals nothing: element %d", f.Name, f.ResultElement)
	}
}

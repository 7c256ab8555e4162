package guard

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// told is what facts say, in one line.
func told(f Facts) string {
	var out []string
	for _, c := range f.Comparisons {
		what := "is"
		if c.Pattern {
			what = "like"
		}
		out = append(out, fmt.Sprintf("%s.%s %s %s", c.Relation.Name, c.Column.Name, what, c.Value))
	}
	for _, l := range f.Levels {
		if names := l.Unconnected(); len(names) > 0 {
			out = append(out, "apart: "+strings.Join(names, " "))
		}
		if names := l.Multiplied(); len(names) > 0 {
			out = append(out, "multiplied: "+strings.Join(names, " "))
		}
		if names := l.Multipliable(); len(names) > 0 {
			out = append(out, "perhaps multiplied: "+strings.Join(names, " "))
		}
	}
	for _, fact := range []struct {
		name string
		so   bool
	}{{"filtered", f.Filtered}, {"unordered", f.Unordered}, {"clock", f.Clock}} {
		if fact.so {
			out = append(out, fact.name)
		}
	}
	return strings.Join(out, "; ")
}

func TestFacts(t *testing.T) {
	p := practice(t)
	for _, tt := range []struct{ sql, want string }{
		{"select 1", ""},
		{"select count(*) from clinic.pets", ""},

		// Comparisons with text.
		{"select id from clinic.pets p where p.name = 'Rex'", "pets.name is Rex; filtered"},
		{"select id from clinic.pets p where 'Rex' <> p.name", "pets.name is Rex; filtered"},
		{"select id from clinic.pets p where lower(p.name) = lower('Rex')", "pets.name is Rex; filtered"},
		{"select id from clinic.pets p where p.kind = 'cat'::clinic.species", "pets.kind is cat; filtered"},
		{"select id from clinic.pets p where p.name in ('Rex', 'Tom') and p.name not like '%x%'", "pets.name is Rex; pets.name is Tom; pets.name like %x%; filtered"},
		{"select id from clinic.pets p where p.name > 'M'", "filtered"},
		{"select id from clinic.pets p where p.name || p.label = 'Rex'", "filtered"},
		{"select count(*) filter (where p.name = 'Rex') from clinic.pets p", "pets.name is Rex; filtered"},
		{"select case p.name when 'Rex' then 1 end from clinic.pets p", "filtered"},
		{"select n from (select p.name as n from clinic.pets p) s where n = 'Rex'", "filtered"},

		// Joins without a condition.
		{"select p.id from clinic.pets p, clinic.owners o", "apart: o"},
		{"select p.id from clinic.pets p cross join clinic.owners o cross join clinic.visits v", "apart: o v"},
		{"select p.id from clinic.pets p join clinic.owners o on true", "apart: o"},
		{"select p.id from clinic.pets p join clinic.owners o on o.id = p.owner_id", ""},
		{"select p.id from clinic.pets p join clinic.owners o on o.name <> p.name", ""},
		{"select p.id from clinic.pets p, clinic.owners o where o.id = p.owner_id", "filtered"},
		{"select p.id from clinic.pets p join clinic.visits v using (id)", ""},
		{"select p.id from clinic.pets p natural join clinic.visits v", ""},
		{"select p.id from clinic.pets p, clinic.owners o, clinic.visits v where p.owner_id = o.id and v.cost > 3", "apart: v; filtered"},
		{"select p.id from clinic.pets p, (select max(cost) as most from clinic.visits) m", ""},
		{"with m as (select max(cost) as most from clinic.visits) select p.id from clinic.pets p, m", ""},
		{"with m as (select cost from clinic.visits) select p.id from clinic.pets p, m", "apart: m"},
		{"select p.id from clinic.pets p, (values (1)) v (n)", ""},
		{"select p.id from clinic.pets p, (values (1), (2)) v (n)", "apart: v"},
		{"select p.id, g from clinic.pets p, generate_series(1, 3) g", ""},
		{"select p.id from clinic.pets p, lateral (select v.cost from clinic.visits v where v.pet_id = p.id) x", "filtered"},
		{"select o.id from clinic.owners o where exists (select from clinic.pets p, clinic.pets q where p.owner_id = o.id and q.owner_id = o.id)", "filtered"},

		// Joins that multiply what is counted.
		{"select count(p.id) from clinic.pets p join clinic.owners o on o.id = p.owner_id", ""},
		{"select count(o.id) from clinic.pets p join clinic.owners o on o.id = p.owner_id", "multiplied: count"},
		{"select count(distinct o.id) from clinic.pets p join clinic.owners o on o.id = p.owner_id", ""},
		{"select max(o.since) from clinic.pets p join clinic.owners o on o.id = p.owner_id", ""},
		{"select o.city, sum(p.weight) from clinic.owners o join clinic.pets p on p.owner_id = o.id join clinic.visits v on v.pet_id = p.id group by o.city", "multiplied: sum"},
		{"select o.city, sum(v.cost) from clinic.owners o join clinic.pets p on p.owner_id = o.id join clinic.visits v on v.pet_id = p.id group by o.city", ""},
		{"select v.reason, count(p.id) from clinic.pets p join clinic.visits v on v.pet_id = p.id group by v.reason", ""},
		{"select o.name, avg(p.weight), sum(v.cost) from clinic.owners o join clinic.pets p on p.owner_id = o.id join clinic.visits v on v.pet_id = p.id group by 1", "multiplied: avg"},
		{"select sum(v.cost * p.weight) from clinic.pets p join clinic.visits v on v.pet_id = p.id", ""},
		{"select sum(p.weight) from clinic.pets p join (select pet_id, count(*) as n from clinic.visits group by 1) v on v.pet_id = p.id", ""},
		{"select o.id, count(p.id) from clinic.owners o left join clinic.pets p on p.owner_id = o.id group by o.id", ""},

		// Joins with what has no keys: nobody knows how many rows belong to one.
		{"select sum(p.weight) from clinic.pets p join clinic.pet_list l on l.id = p.id", "perhaps multiplied: sum"},
		{"select count(p.id) from clinic.pets p join clinic.invoices i on i.pet_id = p.id", "perhaps multiplied: count"},
		{"select sum(i.total) from clinic.invoices i join clinic.pets p on p.id = i.pet_id", ""},
		{"select i.issued, count(p.id) from clinic.pets p join clinic.invoices i on i.pet_id = p.id group by 1", ""},
		{"select count(o.id) from clinic.owners o join clinic.pets p on p.owner_id = o.id join clinic.pet_list l on l.id = p.id", "multiplied: count"},
		{"select avg(p.weight), sum(o.since - o.since) from clinic.owners o join clinic.pets p on p.owner_id = o.id join clinic.pet_list l on l.id = p.id", "multiplied: sum; perhaps multiplied: avg"},

		// Order, and time.
		{"select id from clinic.pets limit 3", "unordered"},
		{"select id from clinic.pets limit 1", "unordered"},
		{"select id from clinic.pets order by id limit 3", ""},
		{"select id from clinic.pets limit all", ""},
		{"select count(*) from clinic.pets limit 3", ""},
		{"select id from (select id from clinic.pets fetch first 2 rows only) s order by id", "unordered"},
		{"select id from clinic.pets union select id from clinic.owners limit 3", "unordered"},
		{"select id from clinic.visits where seen_at > now() - interval '1 day'", "filtered; clock"},
		{"select current_date", "clock"},
		{"select age(born) from clinic.pets", "clock"},
		{"select age(born, born) from clinic.pets", ""},
	} {
		s, err := Check(tt.sql, p)
		if err != nil {
			t.Errorf("%s: %v", tt.sql, err)
			continue
		}
		if d := cmp.Diff(tt.want, told(s.Facts())); d != "" {
			t.Errorf("%s (-want +got):\n%s\n%+v", tt.sql, d, s.Facts().Levels)
		}
	}

	s, err := Check("select 'a', 2, 1.5, -3, p.id from clinic.pets p where p.name like 'R%' order by 1 limit 7", p)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a", "2", "1.5", "-3", "R%", "7"}
	for _, c := range want {
		if !slices.Contains(s.Facts().Constants, c) {
			t.Errorf("constants %q lack %s", s.Facts().Constants, c)
		}
	}
}

package catalog_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// statisticsOf loads those of all columns of the catalog, seen through url.
func statisticsOf(t *testing.T, url string, c *catalog.Catalog, only ...string) map[string]string {
	t.Helper()
	var ids []catalog.ColumnID
	for _, r := range c.Relations {
		for _, col := range r.Columns {
			if len(only) == 0 || slices.Contains(only, r.Name+"."+col.Name) {
				ids = append(ids, catalog.ColumnID{Relation: r.OID, Number: col.Number})
			}
		}
	}
	s, err := catalog.LoadStatistics(t.Context(), connect(t, url, nil), ids)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range c.Relations {
		for _, col := range r.Columns {
			if found := s.Column(r.OID, col.Number); found != nil {
				var values []string
				for _, v := range found.Common {
					values = append(values, fmt.Sprintf("%s %.2f", v.Value, v.Share))
				}
				slices.Sort(values)
				got[r.Name+"."+col.Name] = fmt.Sprintf("%g; %.2f; %s; %d bounds", found.Distinct, found.Nulls, strings.Join(values, ", "), len(found.Bounds))
			}
		}
	}
	return got
}

const visits = `
do $$ begin create role stat_{{suffix}} login; exception when duplicate_object then null; end $$;
create domain label as text;
create table visits (id int, place text, kind label, stars smallint, price float8, note text, tag text, at date) partition by range (id);
create table visits_1 partition of visits for values from (0) to (1000);
create index on visits_1 (lower(note));
create table closed (word text);
alter table closed enable row level security;
create view seen as select place from visits;
create materialized view places as select place from visits;
insert into visits select i, case when i % 4 > 0 then 'Oak' when i % 8 = 0 then 'Elm' end, 'k', i % 5, i % 2, 'n' || i, 'it''s {"odd", \ }', '2024-01-01'
from generate_series(1, 400) i;
insert into closed select 'w' from generate_series(1, 10);
refresh materialized view places;
analyze;
grant select (id, place, kind, stars) on visits to stat_{{suffix}};
grant select on closed, places to stat_{{suffix}}`

// Statistics are those of the columns that are asked for, of whole tables, and as
// the role may see them.
func TestLoadStatistics(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		suffix := strings.ToLower(strings.ReplaceAll(t.Name(), "/", "_"))
		dsn := s.Open(t, strings.ReplaceAll(visits, "{{suffix}}", suffix[len(suffix)-10:]))
		c := load(t, dsn)
		const few = `it's {"odd", \ } 1.00`
		want := map[string]string{
			"visits.place":   "2; 0.12; Elm 0.12, Oak 0.75; 0 bounds",
			"visits.kind":    "1; 0.00; k 1.00; 0 bounds",
			"visits.stars":   "5; 0.00; 0 0.20, 1 0.20, 2 0.20, 3 0.20, 4 0.20; 0 bounds",
			"visits.tag":     "1; 0.00; " + few + "; 0 bounds",
			"visits.id":      "-1; 0.00; ; 0 bounds",
			"visits.note":    "-1; 0.00; ; 101 bounds",
			"visits_1.place": "2; 0.12; Elm 0.12, Oak 0.75; 0 bounds",
			"places.place":   "2; 0.12; Elm 0.12, Oak 0.75; 0 bounds",
			"closed.word":    "1; 0.00; w 1.00; 0 bounds",
		}
		got := statisticsOf(t, dsn, c, "visits.place", "visits.kind", "visits.stars", "visits.price", "visits.tag", "visits.id", "visits.note", "visits.at",
			"visits_1.place", "places.place", "closed.word", "seen.place")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}

		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.User("stat_" + suffix[len(suffix)-10:])
		for _, name := range []string{"visits.tag", "visits.note", "closed.word", "visits_1.place"} {
			delete(want, name)
		}
		got = statisticsOf(t, u.String(), c)
		delete(got, "places.id")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("as a role with few rights (-want +got):\n%s", d)
		}
	})
}

func TestFind(t *testing.T) {
	id := catalog.ColumnID{Relation: 1, Number: 2}
	s := catalog.NewStatistics(map[catalog.ColumnID]*catalog.ColumnStatistics{
		id: {Common: []catalog.Common{{Value: "Sci-Fi", Share: 0.5}}, Bounds: []string{"Port Amber", "port amber", "Portal"}},
	})
	for _, tt := range []struct {
		text  string
		alike bool
		want  string
	}{
		{"sci-fi", false, "Sci-Fi 1.0"},
		{"sci fi", false, ""},
		{"sci fi", true, "Sci-Fi 1.0"},
		{" PORT AMBER", true, "Port Amber 1.0, port amber 1.0"},
		{"Port Ambre", true, "Port Amber 0.6, port amber 0.6"},
		{"harbour", true, ""},
		{"", true, ""},
	} {
		var found []string
		for _, f := range s.Find(tt.text, tt.alike) {
			found = append(found, fmt.Sprintf("%s %.1f", f.Value, f.Similarity))
		}
		slices.Sort(found)
		if got := strings.Join(found, ", "); got != tt.want {
			t.Errorf("%q, %v: %s, want %s", tt.text, tt.alike, got, tt.want)
		}
	}
	var none *catalog.Statistics
	if none.Find("x", true) != nil || none.Column(1, 2) != nil {
		t.Error("nil statistics hold something")
	}
}

package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// What matches in one database is no mistake in a rule for all, and what is
// PostgreSQL's own is in no catalog.
func TestFindUnmatched(t *testing.T) {
	shop := &catalog.Catalog{
		Schemas: []string{"public"},
		Relations: []*catalog.Relation{
			{Schema: "public", Name: "customers", Columns: []catalog.Column{{Name: "email"}, {Name: "pin"}}},
		},
		Functions:  []*catalog.Function{{Schema: "public", Name: "total"}},
		Extensions: []*catalog.Extension{{Name: "pg_trgm"}},
	}
	desk := &catalog.Catalog{Schemas: []string{"public", "tickets"}}
	own := &config.Overrides{
		Blocked:        config.Blocked{Tables: []string{"public.customers", "tickets.*"}},
		AllowFunctions: []string{"public.total", "public.totals", "pg_catalog.x"},
	}
	c := &config.Config{
		Databases: map[string]config.Database{
			"shop": {Schemas: []string{"public", "pubic"}, Security: own},
			"desk": {Schemas: []string{"tickets"}},
		},
		Security: config.Security{
			Blocked: config.Blocked{
				Schemas:   []string{"tickets", "ticket", "pg_toast", "information_schema"},
				Tables:    []string{"*.customers", "*.custmers", "pg_catalog.pg_class"},
				Columns:   []string{"customers.email", "customers.emial", "*.pin", "public.*.phone"},
				Functions: []string{"pg_sleep", "public.total", "public.sum"},
			},
			AllowExtensions: []string{"pg_trgm", "hstore"},
		},
	}
	ofShop := []policy.Unmatched{
		{[]string{"databases", "shop", "schemas"}, "pubic", "public"},
		{[]string{"databases", "shop", "security", "blocked", "tables"}, "tickets.*", ""},
		{[]string{"databases", "shop", "security", "allow_functions"}, "public.totals", "public.total"},
	}
	ofAll := []policy.Unmatched{
		{[]string{"security", "blocked", "schemas"}, "ticket", "tickets"},
		{[]string{"security", "blocked", "tables"}, "*.custmers", ""},
		{[]string{"security", "blocked", "columns"}, "customers.emial", "customers.email"},
		{[]string{"security", "blocked", "columns"}, "public.*.phone", ""},
		{[]string{"security", "blocked", "functions"}, "public.sum", ""},
		{[]string{"security", "allow_extensions"}, "hstore", ""},
	}
	for name, tt := range map[string]struct {
		catalogs map[string]*catalog.Catalog
		want     []policy.Unmatched
	}{
		"both read":     {map[string]*catalog.Catalog{"shop": shop, "desk": desk}, append(ofShop[:3:3], ofAll...)},
		"one not read":  {map[string]*catalog.Catalog{"shop": shop}, ofShop},
		"none was read": {nil, nil},
	} {
		if diff := cmp.Diff(tt.want, policy.FindUnmatched(c, tt.catalogs)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

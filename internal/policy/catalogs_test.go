package policy

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// TestCatalogRelations compares the relations of pg_catalog that may be read with
// each server's.
func TestCatalogRelations(t *testing.T) {
	want := map[string][]catalog.Column{}
	names := []string{}
	oids := map[uint32]bool{}
	for _, r := range catalogRelations {
		want[r.Name] = r.Columns
		names = append(names, r.Name)
		if oids[r.OID] || r.OID == 0 || r.OID >= catalog.FirstUserOID {
			t.Errorf("%s has an OID that is not its own", r)
		}
		oids[r.OID] = true
	}
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		got := map[string][]catalog.Column{}
		var name string
		var c catalog.Column
		query(t, s, `
			select relname::text, attname::text, attnum, format_type(atttypid, atttypmod), atttypid
			from pg_class join pg_attribute on attrelid = pg_class.oid
			where relnamespace = 'pg_catalog'::regnamespace and attnum > 0 and relname = any ($1)
			order by relname, attnum`,
			[]any{&name, &c.Name, &c.Number, &c.Type, &c.TypeOID}, func() { got[name] = append(got[name], c) }, names)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("-listed +server:\n%s", diff)
		}
	})
}

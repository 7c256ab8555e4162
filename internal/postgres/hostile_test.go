package postgres

import (
	"testing"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// Nothing that somebody put into a schema of the search path runs when pgmcp
// reads what a database is made of: an operator that fits an internal query
// better than PostgreSQL's own would run with the rights of pgmcp's role.
func TestInternalQueriesUseNoOperatorsOfUsers(t *testing.T) {
	const trap = `
		create function trap(oid, int) returns bool language plpgsql as $$ begin raise 'the trap ran'; end $$;
		create function trap(name, text) returns text language plpgsql as $$ begin raise 'the trap ran'; end $$;
		create operator >= (leftarg = oid, rightarg = int4, function = trap);
		create operator = (leftarg = oid, rightarg = int4, function = trap);
		create operator || (leftarg = name, rightarg = text, function = trap);`
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		db := one(t, s.Open(t, trap))
		if err := db.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		if h := db.Health(t.Context()); h.Status != "ok" {
			t.Errorf("health: %+v", h)
		}
	})
}

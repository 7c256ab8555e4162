package query

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

// runner returns a runner over one database, whose chain notes the operations.
func runner(t testing.TB, u string, change ...func(*config.Config)) (*Runner, *[]call.Op) {
	t.Helper()
	c := configure(t, u)
	for _, f := range change {
		f(c)
	}
	ops := new([]call.Op)
	chain := call.New(func(next call.Handler) call.Handler {
		return func(ctx context.Context, op call.Op) error {
			*ops = append(*ops, op)
			return next(ctx, op)
		}
	})
	return NewRunner(serve(t, c), chain), ops
}

func TestRunner(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		r, ops := runner(t, s.Open(t, itemsScript), func(c *config.Config) {
			c.Security.Blocked.Columns = []string{"*.secret"}
			c.Security.Limits.MaxRows = 2
		})
		stmt, err := r.Check(t.Context(), "", "select id, name from items order by id")
		if err != nil {
			t.Fatal(err)
		}
		result, err := r.Run(t.Context(), stmt)
		if err != nil {
			t.Fatal(err)
		}
		if string(result.Rows) != `[[1,"item 1"],[2,"item 2"]]` || result.Truncated != "rows" {
			t.Errorf("%+v", result)
		}
		plan, err := r.Explain(t.Context(), stmt)
		if err != nil || plan.Rows != 1000 {
			t.Errorf("plan %+v, %v", plan, err)
		}
		want := []call.Op{{Kind: call.Statement, Name: "shop"}, {Kind: call.Statement, Name: "shop"}}
		if diff := cmp.Diff(want, *ops); diff != "" {
			t.Errorf("operations (-want +got):\n%s", diff)
		}

		_, err = r.Check(t.Context(), "shop", "select secret from items")
		if refusal, ok := errors.AsType[*guard.Refusal](err); !ok || refusal.Code != guard.BlockedColumn {
			t.Errorf("a blocked column: %v", err)
		}
		if _, err = r.Check(t.Context(), "shp", "select 1"); !errors.As(err, new(*postgres.UnknownDatabase)) {
			t.Errorf("a wrong name: %v", err)
		}
	})
}

func TestUnapprovedStatementDoesNotRun(t *testing.T) {
	r, ops := runner(t, pgtest.Open(t, ""))
	if result, err := r.Run(t.Context(), guard.Statement{}); err == nil {
		t.Errorf("it ran: %+v", result)
	}
	if plan, err := r.Explain(t.Context(), guard.Statement{}); err == nil {
		t.Errorf("it was explained: %+v", plan)
	}
	if len(*ops) > 0 {
		t.Errorf("operations: %v", *ops)
	}
}

func TestExplainOfExplain(t *testing.T) {
	r, _ := runner(t, pgtest.Open(t, itemsScript))
	stmt, err := r.Check(t.Context(), "", "explain (costs off) select id from items")
	if err != nil {
		t.Fatal(err)
	}
	for _, plan := range []func(context.Context, guard.Statement) (*Plan, error){r.Explain, r.Plan} {
		_, err := plan(t.Context(), stmt)
		if refusal, ok := errors.AsType[*guard.Refusal](err); !ok || refusal.Code != guard.ExplainNotAllowed {
			t.Errorf("an EXPLAIN was explained: %v", err)
		}
	}
	result, err := r.Run(t.Context(), stmt)
	if err != nil || string(result.Rows) != `[["Seq Scan on items"]]` {
		t.Errorf("it ran as %+v, %v", result, err)
	}
}

// Where nobody may see plans, pgmcp itself still plans.
func TestExplainNotAllowed(t *testing.T) {
	r, _ := runner(t, pgtest.Open(t, itemsScript), func(c *config.Config) { c.Security.AllowExplain = false })
	stmt, err := r.Check(t.Context(), "", "select id from items")
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Explain(t.Context(), stmt)
	if refusal, ok := errors.AsType[*guard.Refusal](err); !ok || refusal.Code != guard.ExplainNotAllowed {
		t.Errorf("it was explained: %v", err)
	}
	if plan, err := r.Plan(t.Context(), stmt); err != nil || plan.Rows != 1000 {
		t.Errorf("plan %+v, %v", plan, err)
	}
}

// What was approved by an old catalog gives no rows of what the database has
// become, and is judged anew from then on.
func TestChangedDatabase(t *testing.T) {
	for _, c := range []struct{ name, sql, change string }{
		{"a star gets a blocked column", "select * from plain", "alter table plain add column secret text default 'hidden'"},
		{"names are swapped", "select name from items", "alter table items rename column name to old; alter table items rename column secret to name"},
		{"in a subquery", "select x.n from (select name as n from items) x", "alter table items rename column name to old; alter table items rename column secret to name"},
		{"a table in the place of another", "select id from plain", "alter table plain rename to old; create table plain (id int)"},
		{"a view in the place of a table", "select id from plain", "drop table plain; create view plain as select secret as id from items"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _ := runner(t, pgtest.Open(t, itemsScript+"create table plain (id int); insert into plain values (1);"), func(c *config.Config) {
				c.Security.Blocked.Columns = []string{"*.secret"}
			})
			stmt, err := r.Check(t.Context(), "", c.sql)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Run(t.Context(), stmt); err != nil {
				t.Fatal(err)
			}
			db, _ := r.databases.Get(t.Context(), "")
			for sql := range strings.SplitSeq(c.change, ";") {
				exec(t, db, sql)
			}
			result, err := r.Run(t.Context(), stmt)
			if e, ok := errors.AsType[*Error](err); !ok || e.Code != Changed {
				t.Errorf("got %+v, %v", result, err)
			}
			before, err := db.Policy(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "the catalog is read again", func() bool {
				r.Run(t.Context(), stmt)
				p, err := db.Policy(t.Context())
				return err == nil && p != before
			})
		})
	}
}

// A table is there as soon as it is made, and a column gone as soon as it is dropped.
func TestCatalogFollowsTheDatabase(t *testing.T) {
	r, _ := runner(t, pgtest.Open(t, itemsScript))
	db, err := r.databases.Get(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	stmt, err := r.Check(t.Context(), "", "select name from items")
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, "create table later (id int)")
	eventually(t, "the new table can be read", func() bool { // a moment after the first reading of the catalog
		_, err := r.Check(t.Context(), "", "select id from later")
		return err == nil
	})

	exec(t, db, "alter table items drop column name")
	eventually(t, "the catalog is read again", func() bool {
		_, err := r.Run(t.Context(), stmt)
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != UnknownColumn {
			t.Fatalf("got %v", err)
		}
		p, err := db.Policy(t.Context())
		return err == nil && p.Catalog.Relation("public", "items").Column("name") == nil
	})
}

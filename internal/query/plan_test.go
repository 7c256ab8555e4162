package query

import (
	"strings"
	"testing"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// A view of a readable schema may publish a table of a closed one; the plan does not.
func TestPlanHidesWhatMayNotBeRead(t *testing.T) {
	r, _ := runner(t, pgtest.Open(t, `
		create schema closed;
		create table closed.ledger (id int, account text, secret_rate numeric);
		create table items (id int, name text);
		create view totals as select id, account from closed.ledger l where secret_rate > 0.5;`))
	tests := []struct {
		sql           string
		shown, hidden []string
	}{
		{"select id from items where name = 'a'", []string{`"items"`, "Filter", "Alias"}, nil},
		{"select id from totals", []string{"Seq Scan", "Plan Rows"}, []string{"ledger", "secret_rate", "Alias"}},
		{"select i.id from items i join totals t on t.id = i.id order by t.account",
			[]string{`"items"`, "Sort", "Join"}, []string{"ledger", "secret_rate", "account", "Cond", "Alias"}},
		{"with ledger as (select 1) select id from totals", []string{"Seq Scan"}, []string{"ledger"}},
	}
	for _, tt := range tests {
		stmt, err := r.Check(t.Context(), "", tt.sql)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := r.Explain(t.Context(), stmt)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range tt.shown {
			if !strings.Contains(string(plan.Plan), s) {
				t.Errorf("%s: no %s in %s", tt.sql, s, plan.Plan)
			}
		}
		for _, s := range tt.hidden {
			if strings.Contains(string(plan.Plan), s) {
				t.Errorf("%s: %s in %s", tt.sql, s, plan.Plan)
			}
		}
	}
}

// Plans are not compiled, where the server could and its database wants it to:
// nothing can stop a compiler.
func TestPlansAreNotCompiled(t *testing.T) {
	const eager = `do $$ begin execute format('alter database %I set jit_above_cost = 0', current_database()); end $$`
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		u := s.Open(t, "")
		exec(t, open(t, u), eager)
		o := ask("explain select sum(g) from generate_series(1, 10) g")
		o.explain = true
		r, err := run(t.Context(), open(t, u), o)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(r.Rows), "JIT") {
			t.Errorf("compiled: %s", r.Rows)
		}
	})
}

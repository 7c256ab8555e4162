package oracle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmcp/pgmcp/internal/grants"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/policy"
)

const permissionDenied = "42501"

// TestRole compares the guard with PostgreSQL's own privileges: the role of the
// policy plans random statements, and what it is denied the guard must refuse.
func TestRole(t *testing.T) {
	newest := pgtest.Any(t)
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		count := 3_000
		if s == newest {
			count = 20_000
		}
		url := openURL(t, s)
		admin := connect(t, url)
		p := policyOf(t, admin)
		role := makeRole(t, admin, p)
		reached := newReach()
		var mu sync.Mutex
		t.Run("random", func(t *testing.T) {
			for _, seed := range []uint64{1, 2, 3} {
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					t.Parallel()
					all := judge(t, asRole(t, url, role, p), p, newGenerator(seed, p), count)
					all.report(t)
					mu.Lock()
					defer mu.Unlock()
					for _, j := range all {
						if j.valid() {
							reached.add(t, j)
						}
					}
				})
			}
		})
		if s == newest {
			reached.check(t, p)
		}
	})
}

// A judgement is a random statement with the verdicts of PostgreSQL and the guard.
type judgement struct {
	sql     string
	denied  *pgconn.PgError // of PostgreSQL; nil: it has a plan
	refusal *guard.Refusal
}

type judgements []judgement

// valid reports whether PostgreSQL understands the statement, so that its
// privileges decide.
func (j judgement) valid() bool { return j.denied == nil || j.denied.Code == permissionDenied }

// judge has so many statements planned, many on one trip.
func judge(t *testing.T, conn *pgx.Conn, p *policy.Policy, g *generator, count int) judgements {
	t.Helper()
	var all judgements
	const batch = 100
	for len(all) < count {
		next := make(judgements, min(batch, count-len(all)))
		for i := range next {
			next[i].sql = g.statement()
		}
		for i, err := range plan(t, conn, next) {
			next[i].denied = err
			if _, err := guard.Check(next[i].sql, p); err != nil {
				next[i].refusal, _ = errors.AsType[*guard.Refusal](err)
			}
		}
		all = append(all, next...)
	}
	return all
}

// plan has statements planned and returns the errors. The executor checks
// privileges when it starts, which EXPLAIN does.
func plan(t *testing.T, conn *pgx.Conn, statements judgements) []*pgconn.PgError {
	t.Helper()
	pipeline := conn.PgConn().StartPipeline(t.Context())
	defer pipeline.Close()
	for _, s := range statements {
		sql := s.sql
		if !strings.HasPrefix(sql, "EXPLAIN") {
			sql = "EXPLAIN " + sql
		}
		pipeline.SendQueryParams(sql, nil, nil, nil, nil)
		pipeline.SendPipelineSync() // each is a transaction
	}
	if err := pipeline.Flush(); err != nil {
		t.Fatal(err)
	}
	errs := make([]*pgconn.PgError, len(statements))
	for i := range statements {
		for synced := false; !synced; {
			result, err := pipeline.GetResults()
			if reader, ok := result.(*pgconn.ResultReader); ok {
				_, err = reader.Close()
			}
			_, synced = result.(*pgconn.PipelineSync)
			if e, ok := errors.AsType[*pgconn.PgError](err); ok {
				errs[i] = e
			} else if err != nil {
				t.Fatalf("%s: %v", statements[i].sql, err)
			}
		}
	}
	return errs
}

// report prints the rates of both verdicts and fails for what the guard missed.
func (all judgements) report(t *testing.T) {
	t.Helper()
	var denied, missed, allowed, passed int
	beyond, invalid := tally{}, tally{}
	for _, j := range all {
		switch {
		case !j.valid():
			invalid.add(j.denied.Code+" "+j.denied.Message, j.sql)
		case j.denied != nil && j.refusal == nil:
			missed++
			t.Errorf("PostgreSQL denies (%s), the guard allows: %s", j.denied.Message, j.sql)
			fallthrough
		case j.denied != nil:
			denied++
		case j.refusal == nil:
			passed++
			allowed++
		default:
			allowed++
			beyond.add(string(j.refusal.Code)+" "+j.refusal.Message, j.sql)
		}
	}
	t.Logf("%d denied, of which the guard misses %d; %d allowed, of which the guard refuses %d (%.1f %%); %d not valid",
		denied, missed, allowed, allowed-passed, 100*float64(allowed-passed)/float64(max(allowed, 1)), invalid.sum())
	t.Logf("refused by the guard, allowed by PostgreSQL:\n%s", beyond.most(40))
	t.Logf("not valid for PostgreSQL:\n%s", invalid.most(15))
	if 100*denied < 30*(denied+allowed) || 100*allowed < 30*(denied+allowed) {
		t.Errorf("too few statements of one kind: %d denied, %d allowed", denied, allowed)
	}
	if invalid.sum() > len(all)/8 {
		t.Errorf("PostgreSQL finds %d of %d statements invalid", invalid.sum(), len(all))
	}
}

// A tally counts reasons and keeps an example of each.
type tally map[string]*struct {
	count   int
	example string
}

func (c tally) add(reason, example string) {
	if c[reason] == nil {
		c[reason] = &struct {
			count   int
			example string
		}{example: example}
	}
	c[reason].count++
	if len(example) < len(c[reason].example) {
		c[reason].example = example
	}
}

func (c tally) sum() int {
	n := 0
	for _, r := range c {
		n += r.count
	}
	return n
}

// most are the n most frequent reasons.
func (c tally) most(n int) string {
	var b strings.Builder
	reasons := slices.SortedFunc(maps.Keys(c), func(x, y string) int {
		return cmp.Or(cmp.Compare(c[y].count, c[x].count), strings.Compare(x, y))
	})
	for _, reason := range reasons[:min(n, len(reasons))] {
		fmt.Fprintf(&b, "%6d %s: %s\n", c[reason].count, reason, c[reason].example)
	}
	if more := len(reasons) - n; more > 0 {
		fmt.Fprintf(&b, "       and %d more\n", more)
	}
	return b.String()
}

func parse(t *testing.T, sql string) *pg_query.ParseResult {
	t.Helper()
	tree, err := pg_query.Parse(sql)
	if err != nil {
		t.Fatalf("what PostgreSQL plans does not parse: %s: %v", sql, err)
	}
	return tree
}

// makeRole makes the role of the policy.
func makeRole(t *testing.T, admin *pgx.Conn, p *policy.Policy) string {
	t.Helper()
	role := fmt.Sprintf("guard_reader_%d", admin.PgConn().PID())
	if _, err := admin.Exec(t.Context(), grants.SQL(p, role)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec(context.Background(), "drop owned by "+role+"; drop role "+role); err != nil {
			t.Error(err)
		}
	})
	return role
}

// asRole connects as the role.
func asRole(t *testing.T, url, role string, p *policy.Policy) *pgx.Conn {
	t.Helper()
	conn := connect(t, url)
	for _, sql := range []string{"set statement_timeout = '20s'", "set jit = off", "set search_path = " + strings.Join(p.SearchPath, ", "), "set role " + role} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	return conn
}

package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

const itemsScript = `
create table items (id int primary key, name text, secret text);
insert into items select g, 'item ' || g, 'hidden-' || g from generate_series(1, 1000) g;
analyze items;
create function fails() returns int language plpgsql as $$ begin raise exception 'hidden-in-message' using detail = 'hidden-in-detail', hint = 'hidden-in-hint'; end $$;
create function fails_like_a_typo() returns int language plpgsql as $$ begin execute 'select "hidden-in-column"'; end $$;
create function writes() returns int language sql as $$ insert into items values (0); select 1 $$;
create sequence counter;
`

// A statement takes one network round trip, and two with a cost limit. What has
// to be tidied up afterwards does not keep the caller waiting.
func TestTrips(t *testing.T) {
	u, proxy := behind(t, pgtest.Open(t, itemsScript))
	db := open(t, u, func(c *config.Config) { // a single connection, already open
		db := c.Databases["shop"]
		db.Pool.Max = 1
		c.Databases["shop"] = db
	})
	pid := rows(t, db, "select pg_backend_pid()")
	const delay = 200 * time.Millisecond
	proxy.Delay(delay)
	for _, c := range []struct {
		name   string
		change func(*order)
		sql    string
		fails  bool
		trips  int // until the answer
		after  int // to tidy up
	}{
		{name: "one row", sql: "select name from items where id = 7", trips: 1},
		{name: "no rows", sql: "select name from items where id = 0", trips: 1},
		{name: "rows above the cap", sql: "select repeat('x', 1000) from generate_series(1, 30000)", change: func(o *order) { o.limits.MaxRows = 3 }, trips: 1, after: 1},
		{name: "error", sql: "select 1/0", fails: true, trips: 1, after: 1},
		{name: "syntax error", sql: "selec", fails: true, trips: 1, after: 1},
		{name: "cost limit", sql: "select name from items where id = 7", change: func(o *order) { o.limits.MaxCost = 1e6 }, trips: 2},
		{name: "above the cost limit", sql: "select name from items", change: func(o *order) { o.limits.MaxCost = 1 }, fails: true, trips: 1, after: 1},
		{name: "explain with a cost limit", sql: "explain select 1", change: func(o *order) { o.explain, o.limits.MaxCost = true, 1 }, trips: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := ask(c.sql)
			if c.change != nil {
				c.change(&o)
			}
			before, start := proxy.Trips(), time.Now()
			_, err := run(t.Context(), db, o)
			took := time.Since(start)
			if (err != nil) != c.fails {
				t.Fatal(err)
			}
			if n := int(took / delay); n != c.trips {
				t.Errorf("it took %v, so %d round trips of %v, want %d", took, n, delay, c.trips)
			}
			conn, err := db.Acquire(t.Context()) // when the connection is back
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("[[%d]]", conn.Raw().PID()); got != pid {
				t.Error("it is another connection")
			}
			conn.Release()
			if n := proxy.Trips() - before; n != c.trips+c.after {
				t.Errorf("%d round trips in all, want %d", n, c.trips+c.after)
			}
		})
	}
}

// idle waits until every connection is back.
func idle(t testing.TB, db *postgres.Database) {
	t.Helper()
	eventually(t, "all connections are back", func() bool { return db.Health(t.Context()).InUse == 0 })
}

func TestShapes(t *testing.T) {
	db := open(t, pgtest.Open(t, itemsScript))
	for _, c := range []struct {
		sql     string
		columns []Column
		rows    string
		count   int
	}{
		{"select id, name from items where false", []Column{{"id", "int4"}, {"name", "text"}}, `[]`, 0},
		{"select from items where id < 3", []Column{}, `[[],[]]`, 2},
		{"select from items where false", []Column{}, `[]`, 0},
		{"select 1 as a, 'x' as a, null", []Column{{"a", "int4"}, {"a", "text"}, {"?column?", "text"}}, `[[1,"x",null]]`, 1},
		{"values (1, 'x'), (2, null)", []Column{{"column1", "int4"}, {"column2", "text"}}, `[[1,"x"],[2,null]]`, 2},
		{`select 1 as "q""ü"`, []Column{{`q"ü`, "int4"}}, `[[1]]`, 1},
		{"select 1 -- and a comment", []Column{{"?column?", "int4"}}, `[[1]]`, 1},
		{"select 1;", []Column{{"?column?", "int4"}}, `[[1]]`, 1},
		{"explain (costs off) select 1", []Column{{"QUERY PLAN", "text"}}, `[["Result"]]`, 1},
		{"", []Column{}, `[]`, 0},
	} {
		r, err := run(t.Context(), db, ask(c.sql))
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		if diff := cmp.Diff(c.columns, r.Columns); diff != "" {
			t.Errorf("%s: columns (-want +got):\n%s", c.sql, diff)
		}
		if string(r.Rows) != c.rows || r.RowCount != c.count || r.Truncated != "" {
			t.Errorf("%s: %d rows %s %s, want %d rows %s", c.sql, r.RowCount, r.Truncated, r.Rows, c.count, c.rows)
		}
	}
}

func TestRowCapIsExact(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		db := open(t, s.Open(t, itemsScript))
		for _, c := range []struct{ limit, there, want int }{
			{10, 0, 0}, {10, 9, 9}, {10, 10, 10}, {10, 11, 10}, {10, 5_000_000, 10}, {1, 1, 1}, {1, 2, 1},
		} {
			o := ask(fmt.Sprintf("select g from generate_series(1, %d) g", c.there))
			o.limits.MaxRows = c.limit
			r, err := run(t.Context(), db, o)
			if err != nil {
				t.Fatal(err)
			}
			truncated := ""
			if c.there > c.limit {
				truncated = "rows"
			}
			var got [][]int
			if err := json.Unmarshal(r.Rows, &got); err != nil {
				t.Fatal(err)
			}
			if len(got) != c.want || r.RowCount != c.want || r.Truncated != truncated {
				t.Errorf("%d of %d: %d rows, said to be %d, truncated %q", c.limit, c.there, len(got), r.RowCount, r.Truncated)
			}
		}
	})
}

func TestByteCapIsExact(t *testing.T) {
	db := open(t, pgtest.Open(t, itemsScript))
	o := ask("select name from items order by id")
	whole := len(rows(t, db, o.sql))
	for limit := whole - 40; limit <= whole+1; limit++ {
		o.limits.MaxBytes = int64(limit)
		r, err := run(t.Context(), db, o)
		if err != nil {
			t.Fatal(err)
		}
		const last = len(`,["item 1000"]`)
		wantRows, truncated := 1000, ""
		for size := whole; size > limit; {
			truncated = "bytes"
			if wantRows == 1000 {
				size -= last
			} else {
				size -= last - 1
			}
			wantRows--
		}
		if len(r.Rows) > limit || r.RowCount != wantRows || r.Truncated != truncated || !json.Valid(r.Rows) {
			t.Errorf("limit %d of %d: %d bytes in %d rows, truncated %q, want %d rows", limit, whole, len(r.Rows), r.RowCount, r.Truncated, wantRows)
		}
	}
}

// One huge value ends the rows, and never reaches the memory.
func TestHugeValue(t *testing.T) {
	db := open(t, pgtest.Open(t, ""))
	o := ask("select case when g = 3 then repeat('x', 40000000) else 'small' end from generate_series(1, 4) g")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := run(t.Context(), db, o)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if string(r.Rows) != `[["small"],["small"]]` || r.Truncated != "bytes" {
		t.Errorf("%s %s", r.Rows, r.Truncated)
	}
	if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 8 {
		t.Errorf("%d MiB allocated", mib)
	}
	if got := rows(t, db, "select 1"); got != "[[1]]" {
		t.Error(got)
	}
}

// Whatever a statement does to its session, the next one finds it as it was.
func TestNothingIsLeftBehind(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		db := open(t, s.Open(t, itemsScript))
		state := func() string {
			return rows(t, db, `select current_setting('search_path'), current_setting('transaction_read_only'),
				current_setting('transaction_isolation'), current_setting('standard_conforming_strings'), current_setting('work_mem'),
				(select count(*) from pg_locks where locktype = 'advisory'), (select count(*) from items),
				(select count(*) from pg_prepared_statements), (select count(*) from pg_cursors), session_user = current_user`)
		}
		want := state()
		for _, sql := range []string{
			"select set_config('search_path', 'pg_temp', false), set_config('work_mem', '1GB', false)",
			"select set_config('standard_conforming_strings', 'off', false)",
			"select set_config('transaction_read_only', 'off', false)",
			"select set_config('transaction_read_only', 'off', true), writes()",
			"set transaction read write",
			"set standard_conforming_strings = off",
			"set session characteristics as transaction read write",
			"commit",
			"commit and chain",
			"rollback",
			"begin",
			"abort and chain",
			"select 1; commit; insert into items values (0)",
			"insert into items values (0)",
			"select writes()",
			"with w as (insert into items values (0) returning 1) select * from w",
			"create table more ()",
			"select nextval('counter')",
			"declare c cursor with hold for select 1",
			"select pg_advisory_xact_lock(1)",
			"select 1/0",
			"select '",
			"explain analyze insert into items values (0)",
		} {
			result, err := run(t.Context(), db, ask(sql))
			idle(t, db)
			if got := state(); got != want {
				t.Errorf("after %q (%v, %v):\n got %s\nwant %s", sql, result, err, got, want)
			}
		}
	})
}

func TestTimeout(t *testing.T) {
	db := open(t, pgtest.Open(t, itemsScript))
	o := ask("select pg_sleep(20)")
	o.limits.StatementTimeout = 50 * time.Millisecond
	start := time.Now()
	_, err := run(t.Context(), db, o)
	want := &Error{
		SQLState: "57014", Code: Timeout, Message: "the statement was stopped after 50ms",
		Hint: "filter by an indexed column, join on keys, or aggregate fewer rows",
	}
	if diff := cmp.Diff(want, err); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error("it is no deadline")
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("it took %v", d)
	}
	settled(t, db)
}

func TestLockTimeout(t *testing.T) {
	db := open(t, pgtest.Open(t, itemsScript))
	c, err := db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	for _, sql := range []string{"begin", "lock table items"} {
		if err := c.Raw().ExecParams(t.Context(), sql, nil, nil, nil, nil).Read().Err; err != nil {
			t.Fatal(err)
		}
	}
	o := ask("select * from items")
	o.limits.StatementTimeout = 200 * time.Millisecond
	_, err = run(t.Context(), db, o)
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != Locked {
		t.Errorf("got %v", err)
	}
}

// A caller who leaves has the answer at once, and the server stops too.
func TestCancelReachesTheServer(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		db := open(t, s.Open(t, itemsScript))
		for _, c := range []struct {
			name, sql string
			leave     func(context.Context) (context.Context, context.CancelFunc)
			want      Error
			is        error
		}{
			{"cancelled", "select pg_sleep(30)", context.WithCancel,
				Error{Code: Cancelled, Message: "the statement was cancelled"}, context.Canceled},
			{"deadline", "select pg_sleep(30)", func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 300*time.Millisecond)
			}, Error{Code: Timeout, Message: "the caller's time was up before the statement ended"}, context.DeadlineExceeded},
			{"before it executes", "select count(*) from items a, items b, items c, items d, items e", context.WithCancel,
				Error{Code: Cancelled, Message: "the statement was cancelled"}, context.Canceled}, // it is compiled first
			{"while rows come", "select pg_sleep(0.0001), repeat('x', 5000) from generate_series(1, 30000)", context.WithCancel,
				Error{Code: Cancelled, Message: "the statement was cancelled"}, context.Canceled},
		} {
			t.Run(c.name, func(t *testing.T) {
				ctx, leave := c.leave(t.Context())
				defer leave()
				o := ask(c.sql)
				o.limits.MaxRows, o.limits.MaxBytes, o.limits.StatementTimeout = 1e6, 1<<30, 30*time.Second
				var left time.Time
				go func() {
					eventually(t, "the statement runs", func() bool { return running(t, db, o.sql) == 1 })
					if c.is == context.Canceled {
						left = time.Now()
						leave()
					}
				}()
				_, err := run(ctx, db, o)
				if !left.IsZero() && time.Since(left) > time.Second {
					t.Errorf("the caller had to wait %v", time.Since(left))
				}
				if diff := cmp.Diff(error(&c.want), err); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if !errors.Is(err, c.is) {
					t.Errorf("it is not %v", c.is)
				}
				eventually(t, "the statement is gone", func() bool { return running(t, db, o.sql) == 0 })
				settled(t, db)
			})
		}
	})
}

// running counts the sessions in which sql is being executed.
func running(t testing.TB, db *postgres.Database, sql string) (n int) {
	t.Helper()
	c, err := db.Acquire(t.Context())
	if err != nil {
		t.Error(err)
		return 0
	}
	defer c.Release()
	r := c.Raw().ExecParams(t.Context(),
		"select count(*) from pg_stat_activity where state = 'active' and starts_with(query, $1) and datname = current_database()",
		[][]byte{[]byte(sql)}, nil, nil, nil).Read()
	if r.Err != nil {
		t.Error(r.Err)
		return 0
	}
	fmt.Sscan(string(r.Rows[0][0]), &n)
	return n
}

// settled checks that all connections came back, and that they work.
func settled(t testing.TB, db *postgres.Database) {
	t.Helper()
	idle(t, db)
	for range 5 {
		if got := rows(t, db, "select count(*) from items"); got != "[[1000]]" {
			t.Error(got)
		}
	}
}

// A connection that has to be made first may take longer than a statement.
func TestSlowConnecting(t *testing.T) {
	u, proxy := behind(t, pgtest.Open(t, itemsScript))
	db := open(t, u)
	held, err := db.Acquire(t.Context()) // the only one there is so far
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	proxy.Delay(100 * time.Millisecond)
	o := ask("select 1")
	o.limits.StatementTimeout = 20 * time.Millisecond
	if _, err := run(t.Context(), db, o); err != nil {
		t.Error(err)
	}
}

// A server that does not answer at all is given up.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	u, proxy := behind(t, pgtest.Open(t, itemsScript))
	db := open(t, u)
	rows(t, db, "select 1")
	proxy.Delay(10 * time.Minute)
	o := ask("select 1")
	o.limits.StatementTimeout = 10 * time.Millisecond
	start := time.Now()
	_, err := run(t.Context(), db, o)
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != Timeout {
		t.Errorf("got %v", err)
	}
	if d := time.Since(start); d < grace || d > grace+2*time.Second {
		t.Errorf("it took %v", d)
	}
	proxy.Delay(0)
	proxy.Cut()
	settled(t, db)
}

func TestLostConnection(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, db *postgres.Database, p *pgtest.Proxy){
		"cut": func(_ *testing.T, _ *postgres.Database, p *pgtest.Proxy) { p.Cut() },
		"terminated": func(t *testing.T, db *postgres.Database, _ *pgtest.Proxy) {
			exec(t, db, "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(29)%' and pid <> pg_backend_pid()")
		},
	} {
		t.Run(name, func(t *testing.T) {
			u, proxy := behind(t, pgtest.Open(t, itemsScript))
			db := open(t, u)
			o := ask("select pg_sleep(29)")
			o.limits.StatementTimeout = 30 * time.Second
			go func() {
				eventually(t, "the statement runs", func() bool { return running(t, db, o.sql) == 1 })
				lose(t, db, proxy)
			}()
			_, err := run(t.Context(), db, o)
			if e, ok := errors.AsType[*postgres.Unavailable](err); !ok || e.Database != "shop" {
				t.Errorf("got %v", err)
			}
			idle(t, db)
			eventually(t, "it works again", func() bool {
				_, err := run(t.Context(), db, ask("select 1"))
				return err == nil
			})
		})
	}
}

func TestCostLimit(t *testing.T) {
	db := open(t, pgtest.Open(t, itemsScript))
	o := ask("select count(*) from items a, items b")
	o.limits.MaxCost = 1000
	_, err := run(t.Context(), db, o)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != TooExpensive || !strings.HasSuffix(e.Message, ", and the limit is 1000") {
		t.Errorf("got %v", err)
	}
	o.sql = "select name from items where id = 5"
	r, err := run(t.Context(), db, o)
	if err != nil || string(r.Rows) != `[["item 5"]]` {
		t.Errorf("got %v, %v", r, err)
	}
	o.sql = "select nam from items"
	_, err = run(t.Context(), db, o)
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != UnknownColumn || e.Position != 8 {
		t.Errorf("got %v", err)
	}
	settled(t, db)
}

func TestPlan(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		db := open(t, s.Open(t, itemsScript))
		f, err := depart(t.Context(), db, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.plan(ask("select * from items"))
		clean := !f.away && f.raw.TxStatus() == 'I'
		f.land()
		if err != nil {
			t.Fatal(err)
		}
		if !clean {
			t.Error("there is something left to tidy up")
		}
		if p.Rows != 1000 || p.Cost < 10 || p.Cost > 1000 || !strings.HasPrefix(string(p.Plan), `[{"Plan":{"Node Type":"Seq Scan",`) {
			t.Errorf("%+v %s", p, p.Plan)
		}
	})
}

func TestRequestIDIsSeenByTheServer(t *testing.T) {
	db := open(t, pgtest.Open(t, ""))
	want := `[["pgmcp 0123456789abcdef0123456789abcdef"]]`
	if got := rows(t, db, "select application_name from pg_stat_activity where pid = pg_backend_pid()"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := applicationName(strings.Repeat("x", 100)); len(got) != 63 {
		t.Errorf("%q has %d bytes", got, len(got))
	}
	if got := applicationName(""); got != "pgmcp" {
		t.Errorf("without a request: %q", got)
	}
}

func TestSearchPath(t *testing.T) {
	db := open(t, pgtest.Open(t, `
		create schema "odd ""name"; create table "odd ""name".t as select 'odd' as x;
		create table public.t as select 'public' as x;
		create function public.lower(text) returns text language sql as $$ select 'hijacked' $$;`), func(c *config.Config) {
		shop := c.Databases["shop"]
		shop.Schemas = []string{`odd "name`, "public"}
		c.Databases["shop"] = shop
	})
	o := ask("select x, lower('A') from t")
	o.searchPath = []string{`odd "name`, "public"}
	r, err := run(t.Context(), db, o)
	if err != nil || string(r.Rows) != `[["odd","a"]]` {
		t.Errorf("got %v, %v", r, err)
	}
}

// Many callers at once, some of whom leave: everybody gets an answer of his own.
func TestManyCallers(t *testing.T) {
	db := open(t, pgtest.Open(t, itemsScript))
	var callers sync.WaitGroup
	for caller := range 24 {
		callers.Go(func() {
			for i := range 15 {
				n := caller*100 + i
				o := ask(fmt.Sprintf("select %d from items", n))
				o.limits.MaxRows = 1 + i
				ctx, leave := context.WithCancel(t.Context())
				if n%5 == 0 {
					o.sql = fmt.Sprintf("select %d from items where pg_sleep(0.01) is not null", n)
					time.AfterFunc(time.Duration(n%7)*time.Millisecond, leave)
				}
				r, err := run(ctx, db, o)
				leave()
				switch row := fmt.Sprintf("[%d]", n); {
				case n%5 == 0 && (err == nil || !errors.Is(err, context.Canceled)):
					t.Errorf("%s: got %v, %v", o.sql, r, err)
				case n%5 != 0 && err != nil:
					t.Errorf("%s: %v", o.sql, err)
				case n%5 != 0 && string(r.Rows) != "["+strings.Repeat(row+",", i)+row+"]":
					t.Errorf("%s: got %s", o.sql, r.Rows)
				}
			}
		})
	}
	callers.Wait()
	settled(t, db)
}

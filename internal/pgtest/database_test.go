package pgtest

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestEqualScriptsShareATemplate(t *testing.T) {
	Each(t, func(t *testing.T, s *Server) {
		first, second := s.Open(t, stamped), s.Open(t, stamped)
		if first == second {
			t.Fatalf("one database for two: %s", first)
		}
		if a, b := stamp(t, first), stamp(t, second); a != b {
			t.Errorf("the script ran twice: %s, %s", a, b)
		}
		other := s.Open(t, stamped+" -- another")
		if a, b := stamp(t, first), stamp(t, other); a == b {
			t.Error("another script's database is the same")
		}
	})
}

func TestDatabasesAreApart(t *testing.T) {
	Each(t, func(t *testing.T, s *Server) {
		const script = "create table t (a int)"
		first, second := s.Open(t, script), s.Open(t, script)
		c, err := pgx.Connect(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		if _, err := c.Exec(t.Context(), "insert into t values (1)"); err != nil {
			t.Fatal(err)
		}
		d, err := pgx.Connect(t.Context(), second)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close(t.Context())
		var n int
		if err := d.QueryRow(t.Context(), "select count(*) from t").Scan(&n); err != nil || n != 0 {
			t.Errorf("rows in the other database: %d, %v", n, err)
		}
	})
}

func TestDatabaseIsDroppedAtTheEnd(t *testing.T) {
	Each(t, func(t *testing.T, s *Server) {
		var name string
		var open *pgx.Conn
		t.Run("use", func(t *testing.T) {
			u, err := url.Parse(s.Open(t, stamped))
			if err != nil {
				t.Fatal(err)
			}
			name = strings.TrimPrefix(u.Path, "/")
			if !slices.Contains(databases(t, s, name), name) {
				t.Errorf("there is no database %s", name)
			}
			if open, err = pgx.Connect(t.Context(), u.String()); err != nil {
				t.Fatal(err)
			}
		})
		if left := databases(t, s, name); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		if err := open.Ping(t.Context()); err == nil {
			t.Error("a connection outlived its database")
		}
	})
}

func TestTemplatesAreMadeOnceInParallel(t *testing.T) {
	const script = stamped + " -- in parallel"
	ids := make(chan string, 12)
	t.Run("group", func(t *testing.T) {
		for i := range cap(ids) {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				ids <- stamp(t, Open(t, script))
			})
		}
	})
	first := <-ids
	for range cap(ids) - 1 {
		if id := <-ids; id != first {
			t.Errorf("the script ran again: %s, %s", first, id)
		}
	}
}

func TestTemplateIsMadeAgainWhenItIsGone(t *testing.T) {
	Each(t, func(t *testing.T, s *Server) {
		first := stamp(t, s.Open(t, stamped))
		if err := s.dropTemplates(t.Context()); err != nil {
			t.Fatal(err)
		}
		if second := stamp(t, s.Open(t, stamped)); first == second {
			t.Error("the template was not dropped")
		}
	})
}

func TestProcessesShareATemplate(t *testing.T) {
	Each(t, func(t *testing.T, s *Server) {
		mine := stamp(t, s.Open(t, stamped))
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVar+"=stamp", "PGMCP_TEST_POSTGRES="+s.URL())
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if theirs := strings.TrimSpace(string(out)); theirs != mine {
			t.Errorf("another process ran the script again: %s, %s", mine, theirs)
		}
	})
}

func TestSweepDropsWhatIsOld(t *testing.T) {
	for _, start := range startable(t) {
		t.Run(start.name, func(t *testing.T) {
			s := start.server(t) // not a server that others use now
			for _, script := range []string{"", "create table t (a int)"} {
				if _, _, err := s.Database(t.Context(), script); err != nil {
					t.Fatal(err)
				}
			}
			c, err := pgx.Connect(t.Context(), s.URL())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(t.Context())
			if _, err := c.Exec(t.Context(), "create database pgmcp"); err != nil {
				t.Fatal(err)
			}
			if err := sweep(t.Context(), c, copyPrefix, time.Hour); err != nil {
				t.Fatal(err)
			}
			if all := databases(t, s, "pgmcp"); len(all) != 5 {
				t.Errorf("of two templates, two copies and one that is not ours are left: %v", all)
			}
			if err := sweep(t.Context(), c, copyPrefix, 0); err != nil {
				t.Fatal(err)
			}
			if all := databases(t, s, "pgmcp"); len(all) != 3 {
				t.Errorf("of two templates and one that is not ours are left: %v", all)
			}
			if err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if all := databases(t, s, "pgmcp"); len(all) != 1 {
				t.Errorf("of one that is not ours are left: %v", all)
			}
		})
	}
}

func TestBrokenScript(t *testing.T) {
	Each(t, func(t *testing.T, s *Server) {
		const script = "select 1;\nselect 'ä';\nselect nothing"
		_, _, err := s.Database(t.Context(), script)
		if err == nil || !strings.Contains(err.Error(), "script line 3: ") || !strings.Contains(err.Error(), `"nothing"`) {
			t.Errorf("error: %v", err)
		}
		if left := databases(t, s, templateName(script)); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

func TestTextSortsTheSameEverywhere(t *testing.T) {
	Each(t, func(t *testing.T, s *Server) {
		c, err := pgx.Connect(t.Context(), s.Open(t, ""))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		var sorted, lower string
		err = c.QueryRow(t.Context(), "select string_agg(x, '' order by x), lower('Ä') from unnest('{b,A,a,B}'::text[]) x").Scan(&sorted, &lower)
		if err != nil || sorted != "ABab" || lower != "ä" {
			t.Errorf("sorted %s, lower %s, %v", sorted, lower, err)
		}
	})
}

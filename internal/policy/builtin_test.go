package policy

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

func TestBuiltinsAreInOrder(t *testing.T) {
	seen := map[string]bool{}
	for group := range strings.SplitSeq(builtinsText, "\n\n") {
		title, names, _ := strings.Cut(group, "\n")
		if !strings.HasPrefix(title, "# ") {
			t.Errorf("group %q has no title", title)
		}
		lines := strings.Split(strings.TrimSpace(names), "\n")
		if strings.HasPrefix(lines[0], "#") { // what the file says of itself
			continue
		}
		if !slices.IsSorted(lines) {
			t.Errorf("%s: not sorted", title)
		}
		for _, line := range lines {
			name, _, _ := strings.Cut(line, " ")
			if seen[name] {
				t.Errorf("%s: %s is listed twice", title, name)
			}
			seen[name] = true
		}
	}
	if len(seen) != len(builtins()) || len(seen) < 400 {
		t.Errorf("%d names in groups, %d in all", len(seen), len(builtins()))
	}
}

// changing are the listed functions that may give another result when called
// again in the same statement, each with the reason why that does no harm. Any
// other volatile function does not belong on the list.
var changing = map[string]string{
	"array_sample":    "chance",
	"array_shuffle":   "chance",
	"clock_timestamp": "the time",
	"gen_random_uuid": "chance",
	"random":          "chance",
	"random_normal":   "chance",
	"timeofday":       "the time",
	"uuidv4":          "chance",
	"uuidv7":          "chance and the time",
}

// TestBuiltinsExist compares the list with each server's own functions.
func TestBuiltinsExist(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		conn, err := pgx.Connect(t.Context(), s.URL())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		rows, err := conn.Query(t.Context(), `
			select proname::text, bool_or(provolatile = 'v'), bool_or(prokind = 'p'),
				coalesce(string_agg(distinct t::regtype::text, ' ') filter (where t in (
					'internal'::regtype, 'cstring'::regtype, 'refcursor'::regtype, 'trigger'::regtype, 'event_trigger'::regtype,
					'regclass'::regtype, 'regproc'::regtype, 'regprocedure'::regtype, 'regoper'::regtype, 'regoperator'::regtype,
					'regtype'::regtype, 'regrole'::regtype, 'regnamespace'::regtype, 'regcollation'::regtype,
					'pg_node_tree'::regtype, 'aclitem'::regtype, 'pg_snapshot'::regtype, 'txid_snapshot'::regtype)), '')
			from pg_proc, unnest(proargtypes::oid[]) t
			where pronamespace = 'pg_catalog'::regnamespace and pg_proc.oid < 16384
			group by 1
			union all
			select proname::text, bool_or(provolatile = 'v'), bool_or(prokind = 'p'), ''
			from pg_proc
			where pronamespace = 'pg_catalog'::regnamespace and pg_proc.oid < 16384 and pronargs = 0
			group by 1`)
		if err != nil {
			t.Fatal(err)
		}
		var name, types string
		var volatile, procedure bool
		exists := map[string]bool{}
		allowed := builtins()
		if _, err := pgx.ForEachRow(rows, []any{&name, &volatile, &procedure, &types}, func() error {
			exists[name] = true
			if allowed[name] && (volatile && changing[name] == "" || procedure) {
				t.Errorf("%s has side effects as far as PostgreSQL knows", name)
			}
			if allowed[name] && types != "" {
				t.Errorf("%s takes %s", name, types)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		want, got := map[string]bool{}, map[string]bool{}
		for line := range strings.Lines(builtinsText) {
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			name, since, _ := strings.Cut(line, " ")
			release, err := strconv.Atoi("0" + since)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			want[name], got[name] = s.Version()/10000 >= release, exists[name]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what this release has: -listed +has:\n%s", diff)
		}
	})
}

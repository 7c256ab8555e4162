package guard

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// TestBoundedRoutinesHaveBounds shows that the guard bounds what the policy allows on
// condition, and nothing else.
func TestBoundedRoutinesHaveBounds(t *testing.T) {
	b, err := os.ReadFile("../policy/routines.txt")
	if err != nil {
		t.Fatal(err)
	}
	bounded := 0
	for line := range strings.Lines(string(b)) {
		name, _, _ := strings.Cut(line, " ")
		r := policy.RoutineNamed(name)
		if r == nil {
			continue
		}
		want, got := r.Class == policy.Bounded, boundOf(name) != nil
		if want {
			bounded++
		}
		if got != want {
			t.Errorf("%s: has a bound: %v, want %v", name, got, want)
		}
	}
	if bounded < 50 {
		t.Errorf("only %d routines are bounded", bounded)
	}
}

// TestReleases shows that a routine is known to those releases only that have it.
func TestReleases(t *testing.T) {
	tests := []struct {
		release int
		sql     string
		want    string // beginning of the verdict
	}{
		{18, "SELECT array_sort(tags) FROM owners", "=> clinic.owners"},
		{15, "SELECT array_sort(tags) FROM owners", "=> unknown_function @8: there is no function array_sort that may be called\n   PostgreSQL has it from release 18 on; this server is 15"},
		{16, "SELECT any_value(name) FROM pets", "=> clinic.pets"},
		{15, "SELECT pg_catalog.any_value(name) FROM pets", "=> unknown_function @8: there is no function pg_catalog.any_value that may be called\n   PostgreSQL has it from release 16 on; this server is 15"},
		{17, "SELECT pg_timezone_abbrevs()", "=> pg_catalog"},
		{18, "SELECT pg_timezone_abbrevs()", "=> unknown_function"},
		{15, "SELECT pg_read_file_old('x', 0, 1)", "=> blocked_function"},
	}
	for _, tt := range tests {
		c, cfg, err := readFixture()
		if err != nil {
			t.Fatal(err)
		}
		c.ServerVersion = tt.release * 10_000
		s, refusal := verdict(t, tt.sql, policy.Compile(cfg, "practice").Close(c))
		if got := say(s, refusal); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%d: %s\n%s\nwant %s", tt.release, tt.sql, got, tt.want)
		}
	}
}

// TestConstantsOnOlderReleases shows that a call with nothing but constants goes to
// a user's function where the server has none of its own with as many arguments.
func TestConstantsOnOlderReleases(t *testing.T) {
	const sql = "SELECT random('(1)', '(2)')"
	for release, want := range map[int]Code{16: BlockedFunction, 17: ""} {
		c, cfg, err := readFixture()
		if err != nil {
			t.Fatal(err)
		}
		c.ServerVersion = release * 10_000
		row := c.ResolveType("clinic", "pets", nil)
		c.Functions = append(c.Functions, &catalog.Function{OID: 99_999, Schema: "clinic", Name: "random", Kind: "function", ArgumentTypes: []uint32{row, row}})
		var text bytes.Buffer
		if err := c.Write(&text); err != nil {
			t.Fatal(err)
		}
		if c, err = catalog.Read(&text); err != nil { // anew, with the function in its index
			t.Fatal(err)
		}
		_, refusal := verdict(t, sql, policy.Compile(cfg, "practice").Close(c))
		if refusal == nil && want != "" || refusal != nil && refusal.Code != want {
			t.Errorf("on %d: %v, want %q", release, refusal, want)
		}
	}
}

// TestBlockedRoutines shows that a configuration can block what is harmless.
func TestBlockedRoutines(t *testing.T) {
	c, cfg, err := readFixture()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Security.Blocked = config.Blocked{Functions: []string{"version", "current_user"}, Tables: []string{"pg_catalog.pg_timezone_abbrevs"}, Columns: []string{"pg_timezone_names.is_dst"}}
	p := policy.Compile(cfg, "practice").Close(c)
	for sql, want := range map[string]string{
		"SELECT version()":                     "=> blocked_function @8: PostgreSQL's own function version may not be called: it is blocked",
		"SELECT current_role":                  "=> blocked_function @8: PostgreSQL's own function current_user may not be called: it is blocked",
		"SELECT abbrev FROM pg_timezone_names": "=> pg_catalog.pg_timezone_names: abbrev",
		"SELECT is_dst FROM pg_timezone_names": "=> blocked_column @8: column is_dst of pg_catalog.pg_timezone_names may not be read, in any part of the statement\n   columns of pg_catalog.pg_timezone_names that may be read: name, abbrev, utc_offset",
		"SELECT * FROM pg_timezone_abbrevs":    "=> blocked_schema @15: pg_timezone_abbrevs is one of PostgreSQL's own names, which may not be read; a table of yours needs its schema before it",
	} {
		if got := say(verdict(t, sql, p)); !strings.HasPrefix(got, want) {
			t.Errorf("%s\n%s\nwant %s", sql, got, want)
		}
	}
}

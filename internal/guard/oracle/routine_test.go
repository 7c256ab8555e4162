package oracle

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

const routinesFile = "../routines.txt"

// TestRoutinesAreCurrent shows that routines.txt has every routine of the servers
// at hand. With -update it adds what is missing; what only other servers have stays.
func TestRoutinesAreCurrent(t *testing.T) {
	known := readRoutines(t)
	missing := 0
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		conn, err := pgx.Connect(t.Context(), s.URL())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		rows, err := conn.Query(t.Context(), `
select distinct proname, n
from pg_proc, generate_series(0, 9) n
where pronamespace = 'pg_catalog'::regnamespace and oid < 16384
	and n >= pronargs - pronargdefaults - (provariadic <> 0)::int and (n <= pronargs or provariadic <> 0)`)
		if err != nil {
			t.Fatal(err)
		}
		var name string
		var n int
		_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error {
			if known[name] == nil {
				known[name] = map[int]bool{}
			}
			if !known[name][n] {
				missing++
				known[name][n] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	if missing == 0 {
		return
	}
	if !*update {
		t.Errorf("routines.txt lacks %d signatures of these servers: run the test with -update", missing)
		return
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(known)) {
		b.WriteString(name)
		for _, n := range slices.Sorted(maps.Keys(known[name])) {
			fmt.Fprintf(&b, " %d", n)
		}
		b.WriteString("\n")
	}
	if err := os.WriteFile(routinesFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readRoutines(t *testing.T) map[string]map[int]bool {
	t.Helper()
	b, err := os.ReadFile(routinesFile)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]map[int]bool{}
	for line := range strings.Lines(string(b)) {
		name, counts, _ := strings.Cut(strings.TrimSpace(line), " ")
		known[name] = map[int]bool{}
		for count := range strings.FieldsSeq(counts) {
			var n int
			if _, err := fmt.Sscan(count, &n); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			known[name][n] = true
		}
	}
	return known
}

package policy

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

var update = flag.Bool("update", false, "add to routines.txt what the servers at hand have and it lacks")

const (
	routinesFile = "routines.txt"
	oldest       = 15 // the releases that routines.txt is about
	newest       = 18
	unreviewed   = "unreviewed" // the class of a name that only a test has seen
)

// signatures are the numbers of arguments of a routine, such as "2" and "1+",
// each with the releases that have a function of it.
type signatures map[string]map[int]bool

func TestRoutinesAreReviewed(t *testing.T) {
	header, lines, _ := strings.Cut(routinesText, "\n\n")
	var names []string
	for line := range strings.Lines(lines) {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
		r := RoutineNamed(name)
		switch {
		case r == nil:
			t.Errorf("%q cannot be read", line)
		case r.Class.MayBeCalled() == (r.Class.Reason() != ""):
			t.Errorf("%s: %q is no class, or is not reviewed", name, r.Class)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) < len(names) {
		t.Error("the names are not sorted, or one is there twice")
	}
	if len(names) != len(routines()) || len(names) < 2800 {
		t.Errorf("%d lines, %d routines", len(names), len(routines()))
	}
	var described []string
	for _, m := range regexp.MustCompile(`(?m)^#   ([a-z_]+) `).FindAllStringSubmatch(header, -1) {
		described = append(described, m[1])
	}
	want := slices.Sorted(maps.Keys(reasons))
	for i, class := range described {
		if i >= len(want) || Class(class) != want[i] {
			t.Fatalf("the classes that %s describes are %v, want %v", routinesFile, described, want)
		}
	}
}

func TestArity(t *testing.T) {
	r := parseRoutines("f allow 0 2@16-17 4+@-15 # why")["f"]
	tests := []struct {
		arguments, release int
		want               bool
	}{
		{0, 15, true}, {0, 19, true}, {1, 15, false},
		{2, 15, false}, {2, 16, true}, {2, 17, true}, {2, 18, false},
		{3, 15, false}, {4, 15, true}, {9, 15, true}, {4, 16, false},
	}
	for _, tt := range tests {
		if got := r.Takes(tt.arguments, tt.release); got != tt.want {
			t.Errorf("with %d arguments on %d: %v, want %v", tt.arguments, tt.release, got, tt.want)
		}
	}
	late := parseRoutines("f allow 1@18- 2@16-")["f"]
	if r.Since() != 0 || late.Since() != 16 {
		t.Errorf("since %d and %d, want 0 and 16", r.Since(), late.Since())
	}
	if late.In(15) || !late.In(16) {
		t.Error("a routine that is there from 16 on is in 15, or not in 16")
	}
}

// TestRoutinesAreCurrent shows that routines.txt says of each release at hand just
// what its servers have.
func TestRoutinesAreCurrent(t *testing.T) {
	listed := readSignatures(t)
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		release := s.Version() / 10_000
		found := catalogSignatures(t, s)
		if *update {
			for name, counts := range found {
				for count := range counts {
					mark(listed, name, count, release)
				}
			}
			for name, counts := range listed {
				for count, releases := range counts {
					releases[release] = found[name][count][release]
				}
			}
			return
		}
		got := map[string][]string{}
		for name, counts := range listed {
			for count, releases := range counts {
				if releases[release] {
					got[name] = append(got[name], count)
				}
			}
			slices.Sort(got[name])
		}
		want := map[string][]string{}
		for name, counts := range found {
			want[name] = slices.Sorted(maps.Keys(counts))
		}
		maps.DeleteFunc(got, func(_ string, counts []string) bool { return len(counts) == 0 })
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("numbers of arguments: -server +%s, which -update mends:\n%s", routinesFile, diff)
		}
	})
	if *update && !t.Failed() {
		writeSignatures(t, listed)
	}
}

// catalogSignatures are a server's own. With a VARIADIC parameter the arguments
// are as many as without it, or more.
func catalogSignatures(t *testing.T, s *pgtest.Server) map[string]signatures {
	release := s.Version() / 10_000
	found := map[string]signatures{}
	var name, count string
	query(t, s, `
		select distinct proname::text, n || case when provariadic <> 0 and n = pronargs - 1 then '+' else '' end
		from pg_proc, generate_series(0, pronargs) n
		where pronamespace = 'pg_catalog'::regnamespace and pg_proc.oid < 16384
			and n >= pronargs - pronargdefaults - (provariadic <> 0)::int and (provariadic = 0 or n < pronargs)`,
		[]any{&name, &count}, func() { mark(found, name, count, release) })
	return found
}

func mark(all map[string]signatures, name, count string, release int) {
	if all[name] == nil {
		all[name] = signatures{}
	}
	if all[name][count] == nil {
		all[name][count] = map[int]bool{}
	}
	all[name][count][release] = true
}

func readSignatures(t *testing.T) map[string]signatures {
	t.Helper()
	b, err := os.ReadFile(routinesFile)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]signatures{}
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		for _, field := range fields[min(2, len(fields)):] {
			count, _, _ := strings.Cut(field, "@")
			for release := oldest; release <= newest; release++ {
				if parseArity(field).in(release) {
					mark(listed, fields[0], count, release)
				}
			}
		}
	}
	return listed
}

// writeSignatures keeps what the file says of itself, the classes and the remarks.
func writeSignatures(t *testing.T, listed map[string]signatures) {
	header, lines, _ := strings.Cut(routinesText, "\n\n")
	remarks := map[string]string{}
	for line := range strings.Lines(lines) {
		name, _, _ := strings.Cut(line, " ")
		if _, remark, ok := strings.Cut(strings.TrimSpace(line), " # "); ok {
			remarks[name] = " # " + remark
		}
	}
	var b strings.Builder
	b.WriteString(header + "\n\n")
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		class := Class(unreviewed)
		if r := RoutineNamed(name); r != nil {
			class = r.Class
		}
		var counts []string
		for count, releases := range listed[name] {
			if span, ok := releaseSpan(t, releases); ok {
				counts = append(counts, count+span)
			}
		}
		if len(counts) == 0 {
			continue
		}
		slices.SortFunc(counts, func(a, b string) int {
			return cmp.Or(cmp.Compare(parseArity(a).arguments, parseArity(b).arguments), cmp.Compare(a, b))
		})
		fmt.Fprintf(&b, "%s %s %s%s\n", name, class, strings.Join(counts, " "), remarks[name])
	}
	if err := os.WriteFile(routinesFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// releaseSpan writes releases that follow each other; none if there are none.
func releaseSpan(t *testing.T, releases map[int]bool) (string, bool) {
	first, last := 0, 0
	for release := oldest; release <= newest; release++ {
		switch {
		case !releases[release]:
		case first == 0:
			first, last = release, release
		case last < release-1:
			t.Fatalf("releases %v have a gap, which %s cannot say", releases, routinesFile)
		default:
			last = release
		}
	}
	from, to := "", ""
	if first > oldest {
		from = strconv.Itoa(first)
	}
	if last < newest {
		to = strconv.Itoa(last)
	}
	if from == "" && to == "" {
		return "", true
	}
	return "@" + from + "-" + to, first != 0
}

// changing are the routines that may be called and may give another result when
// called again in the same statement, each with the reason why that does no harm.
// No other volatile one may be called.
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

// TestHarmlessRoutines asks each server what it knows of the routines that may be
// called: none has side effects, and none takes what names objects, or what only
// PostgreSQL itself makes.
func TestHarmlessRoutines(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		var name, types string
		var volatile, procedure bool
		seen := 0
		query(t, s, `
			select proname::text, bool_or(provolatile = 'v'), bool_or(prokind = 'p'),
				coalesce(string_agg(distinct t::regtype::text, ' ') filter (where t in (
					'internal'::regtype, 'cstring'::regtype, 'refcursor'::regtype, 'trigger'::regtype, 'event_trigger'::regtype,
					'regclass'::regtype, 'regproc'::regtype, 'regprocedure'::regtype, 'regoper'::regtype, 'regoperator'::regtype,
					'regtype'::regtype, 'regrole'::regtype, 'regnamespace'::regtype, 'regcollation'::regtype, 'regdictionary'::regtype,
					'pg_node_tree'::regtype, 'aclitem'::regtype, 'pg_snapshot'::regtype, 'txid_snapshot'::regtype)), '')
			from pg_proc left join lateral unnest(proargtypes::oid[]) t on true
			where pronamespace = 'pg_catalog'::regnamespace and pg_proc.oid < 16384
			group by 1`,
			[]any{&name, &volatile, &procedure, &types}, func() {
				r := RoutineNamed(name)
				if r == nil || !r.Class.MayBeCalled() {
					return
				}
				seen++
				if volatile && changing[name] == "" || procedure {
					t.Errorf("%s has side effects as far as PostgreSQL knows", name)
				}
				if types != "" {
					t.Errorf("%s takes %s", name, types)
				}
			})
		if seen < 1400 {
			t.Errorf("only %d may be called", seen)
		}
	})
}

// query calls each for every row of a query on a server.
func query(t *testing.T, s *pgtest.Server, sql string, into []any, each func(), args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pgx.ForEachRow(rows, into, func() error { each(); return nil }); err != nil {
		t.Fatal(err)
	}
}

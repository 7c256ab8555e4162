package guard

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// BenchmarkCheck judges the allowed cases in turn: ordinary statements. Beside the
// mean it reports how the statements differ.
func BenchmarkCheck(b *testing.B) {
	p := practice(b)
	var statements []string
	for _, file := range caseFiles(b, "allowed") {
		for _, c := range readCases(b, file) {
			statements = append(statements, c.statement())
		}
	}
	bytes := 0
	for _, sql := range statements {
		bytes += len(sql)
	}
	var fastest []time.Duration // of ten times each
	for _, sql := range statements {
		least := time.Hour
		for range 10 {
			started := time.Now()
			if _, err := Check(sql, p); err != nil {
				b.Fatal(err, sql)
			}
			least = min(least, time.Since(started))
		}
		fastest = append(fastest, least)
	}
	slices.Sort(fastest)
	at := func(percent int) float64 {
		return float64(fastest[(len(fastest)-1)*percent/100].Microseconds())
	}
	b.SetBytes(int64(bytes / len(statements)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		Check(statements[i%len(statements)], p)
	}
	b.ReportMetric(at(50), "µs/median")
	b.ReportMetric(at(99), "µs/p99")
	b.ReportMetric(at(100), "µs/max")
}

// BenchmarkSize shows that the time grows with the text and no faster.
func BenchmarkSize(b *testing.B) {
	p := wide(practice(b))
	for _, name := range []string{"alternation", "in list", "operands", "targets", "values"} {
		for _, size := range []int{1, 2, 4, 8, 16} {
			sql := sized(linear[name], size<<10)
			b.Run(fmt.Sprintf("%s/%dKiB", name, size), func(b *testing.B) {
				b.SetBytes(int64(len(sql)))
				for b.Loop() {
					Check(sql, p)
				}
			})
		}
	}
}

// linear are shapes that the gate admits at any size.
var linear = map[string]func(n int) string{
	"alternation": repeated("SELECT 1 FROM pets WHERE id = 1", " OR id = 2 AND name = 'x'", ""),
	"in list":     repeated("SELECT name FROM pets WHERE id IN (1", ", 2", ")"),
	"operands":    repeated("SELECT 1", ", id + weight * 2 - owner_id", " FROM pets"),
	"targets":     repeated("SELECT p.id", ", p.name", " FROM pets p"),
	"values":      repeated("VALUES (1, 'a')", ", (2, 'b')", ""),
}

// sized is the longest statement of a shape up to a size.
func sized(shape func(int) string, size int) string {
	one := len(shape(1)) - len(shape(0))
	return shape((size - len(shape(0))) / one)
}

// TestWorkIsLinear counts what judging allocates: twice the text, twice as much.
func TestWorkIsLinear(t *testing.T) {
	p := wide(practice(t))
	for name, shape := range linear {
		work := func(size int) float64 {
			sql := sized(shape, size)
			if _, refusal := verdict(t, sql, p); refusal != nil && refusal.Code != TooLong {
				t.Fatalf("%s: %v", name, refusal)
			}
			return testing.AllocsPerRun(3, func() { Check(sql, p) })
		}
		if small, large := work(2<<10), work(16<<10); large > 8.5*small {
			t.Errorf("%s: %.0f allocations for 2 KiB, %.0f for 16 KiB", name, small, large)
		}
	}
}

// crowd is a policy over 10,000 tables of 20 columns and 12 of 1,600, which is as
// wide as PostgreSQL makes them, with user-defined functions, operators and casts.
func crowd(t testing.TB) *policy.Policy {
	t.Helper()
	c := &catalog.Catalog{Database: "crowd", ServerVersion: 180000, Schemas: []string{"public"}}
	add := func(name string, width int, column string) {
		oid := uint32(100_000 + 2*len(c.Relations))
		r := &catalog.Relation{OID: oid, RowType: oid + 1, Schema: "public", Name: name, Kind: catalog.Table}
		for i := range width {
			r.Columns = append(r.Columns, catalog.Column{Name: fmt.Sprintf(column, i), Number: int16(i + 1), Type: "integer", TypeOID: int4OID})
		}
		c.Relations = append(c.Relations, r)
	}
	for i := range 12 {
		add(fmt.Sprintf("wide_%d", i), 1600, fmt.Sprintf("a_column_with_a_long_name_of_%d_%%d", i))
	}
	for i := range 3 {
		add(fmt.Sprintf("same_%d", i), 1600, "a_column_that_all_have_%d")
	}
	for i := range 10_000 {
		add(fmt.Sprintf("table_with_a_long_name_%d", i), 20, fmt.Sprintf("column_of_%d_%%d", i))
	}
	for i := range 1000 {
		c.Functions = append(c.Functions, &catalog.Function{OID: uint32(500_000 + i), Schema: "public", Name: fmt.Sprintf("a_function_of_users_%d", i/10), Kind: "function", ArgumentTypes: []uint32{uint32(100_001 + 2*i)}, ResultTypeOID: int4OID})
		if i%10 != 0 {
			continue
		}
		c.Operators = append(c.Operators, &catalog.Operator{Schema: "public", Name: "+", Left: uint32(100_001 + 2*i), Right: uint32(100_001 + 2*i), Function: uint32(500_000 + i)})
		c.Casts = append(c.Casts, &catalog.Cast{Source: uint32(100_001 + 2*i), Target: int4OID, Function: uint32(500_000 + i), Context: "implicit"})
	}
	cfg := &config.Config{Databases: map[string]config.Database{"crowd": {Schemas: []string{"public"}}}}
	cfg.Security.AllowExplain = true
	cfg.Security.AllowFunctions = []string{"public.*"}
	p := policy.Compile(cfg, "crowd").Close(c)
	return wide(p)
}

// crowded are statements that make the resolver look for much among many.
func crowded() map[string]string {
	all, natural := "wide_0", "same_0"
	for i := range 11 {
		all += fmt.Sprintf(", wide_%d", i+1)
	}
	for i := range 3 {
		natural += fmt.Sprintf(" NATURAL JOIN same_%d AS again_%d", i%3, i)
	}
	nested := func(n int, core string) string {
		return strings.Repeat("(SELECT ", n) + core + strings.Repeat(" FROM table_with_a_long_name_1)", n)
	}
	list := func(n int, format string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = strings.ReplaceAll(format, "#", fmt.Sprint(i%1600))
		}
		return strings.Join(parts, ", ")
	}
	return map[string]string{
		"a star over all":           "SELECT count(*) FROM (SELECT * FROM wide_0) q, " + all,
		"bare columns":              "SELECT 1 FROM " + all + " WHERE 1 IN (" + list(1500, "a_column_with_a_long_name_of_11_#") + ")",
		"qualified columns":         "SELECT 1 FROM " + all + " WHERE 1 IN (" + list(1300, "wide_11.a_column_with_a_long_name_of_11_#") + ")",
		"short columns":             "SELECT 1 FROM (SELECT * FROM wide_0) AS q(" + list(1600, "c#") + "), wide_1, wide_2, wide_3, wide_4, wide_5, wide_6, wide_7, wide_8" + " WHERE 1 IN (" + list(6000, "c#") + ")",
		"natural joins":             "SELECT 1 FROM " + natural,
		"using":                     "SELECT 1 FROM same_0 JOIN same_1 USING (" + list(1500, "a_column_that_all_have_#") + ")",
		"an unknown column":         "SELECT a_column_with_a_lung_nome_of_11_999x FROM " + all,
		"an unknown table":          "SELECT 1 FROM table_with_a_lung_nome_99999",
		"an unknown function":       "SELECT a_function_of_usars_9999(1)",
		"an unknown type":           "SELECT 1::no_such_type",
		"an item that is not there": "SELECT x.a FROM " + all,
		"correlated":                "SELECT " + nested(90, "max("+strings.TrimSuffix(strings.Repeat("column_of_2_1 + ", 400), " + ")+")") + " FROM table_with_a_long_name_2",
		"order by":                  "SELECT " + list(1600, "c#") + " FROM (SELECT * FROM wide_0) AS q(" + list(1600, "c#") + ") ORDER BY " + list(5000, "c#"),
		"operators":                 "SELECT " + list(1600, "wide_0 + wide_0") + " FROM wide_0",
		"explain":                   "EXPLAIN SELECT 1 FROM " + list(36, "table_with_a_long_name_#"),
		"whole rows":                "SELECT 1 FROM wide_0 AS q WHERE " + strings.TrimSuffix(strings.Repeat("q IS NULL OR ", 1500), " OR "),
		"functions":                 "SELECT " + list(1600, "a_function_of_users_1(1)"),
	}
}

// slow is what no statement may take, with room for machines that are slow
// themselves; see how far from it they are with -v.
const slow = 500 * time.Millisecond

// taken is the processor time that f takes, the least of three times: other
// processes do not count.
func taken(f func()) time.Duration {
	least := time.Hour
	for range 3 {
		var before, after syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &before)
		f()
		syscall.Getrusage(syscall.RUSAGE_SELF, &after)
		nanoseconds := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
		least = min(least, time.Duration(nanoseconds))
	}
	return least
}

// TestCrowd bounds how long the worst statements take over a large catalog.
func TestCrowd(t *testing.T) {
	p := crowd(t)
	statements := crowded()
	for _, name := range slices.Sorted(maps.Keys(statements)) {
		sql := statements[name]
		_, refusal := verdict(t, sql, p)
		d := taken(func() { Check(sql, p) })
		t.Logf("%-26s %6d bytes %8v %v", name, len(sql), d.Round(100*time.Microsecond), refusal)
		if d > slow {
			t.Errorf("%s: %d bytes took %v", name, len(sql), d)
		}
	}
}

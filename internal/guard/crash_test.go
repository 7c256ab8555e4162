package guard

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// shapes are statements that grow deep, or hard to parse, with n.
var shapes = map[string]func(n int) string{
	"and":           repeated("SELECT true", " AND true", ""),
	"array":         nested("SELECT ARRAY", "[", "1", "]"),
	"array of case": nested("SELECT ", "ARRAY[CASE WHEN ", "true", " THEN 1 END]"),
	"at time zone":  repeated("SELECT now()", " AT TIME ZONE 'x'", ""),
	"attributes":    nested("SELECT ", "(", "a", ").b"),
	"between":       nested("SELECT ", "1 BETWEEN 1 AND (", "1", ")"),
	"brackets":      nested("SELECT ", "(", "1", ")"),
	"bracketed sum": repeated("SELECT 1", "+(1)", ""),
	"case":          nested("SELECT ", "CASE WHEN true THEN ", "1", " END"),
	"case in when":  nested("SELECT ", "CASE WHEN ", "true", " THEN true END"),
	"casts":         repeated("SELECT 1", "::int", ""),
	"collate":       repeated("SELECT 'a'", ` COLLATE "C"`, ""),
	"comments":      nested("", "/*", "", "*/"),
	"concatenation": repeated("SELECT 'a'", "||'a'", ""),
	"coalesce":      nested("SELECT ", "coalesce(", "1", ")"),
	"cte":           nested("", "WITH x AS (", "SELECT 1", ") SELECT 1"),
	"cube":          nested("SELECT 1 GROUP BY ", "CUBE (", "1", ")"),
	"dots":          repeated("SELECT a", ".a", ""),
	"exists":        nested("SELECT ", "EXISTS (SELECT ", "1", ")"),
	"filter":        nested("SELECT ", "count(*) FILTER (WHERE ", "true", ")"),
	"from subquery": nested("", "SELECT * FROM (", "SELECT 1", ") x"),
	"functions":     nested("SELECT ", "abs(", "1", ")"),
	"in list":       repeated("SELECT 1 WHERE 1 IN (1", ",1", ")"),
	"in subquery":   nested("SELECT ", "1 IN (SELECT ", "1", ")"),
	"index":         repeated("SELECT a", "[1]", ""),
	"is null":       repeated("SELECT 1", " IS NULL", ""),
	"isnull":        repeated("SELECT 1", " ISNULL", ""),
	"is true":       repeated("SELECT true", " IS NOT TRUE", ""),
	"joins":         repeated("SELECT * FROM a", " JOIN a USING (x)", ""),
	"joins on":      repeated("SELECT * FROM a", " JOIN a ON true", ""),
	"joins nested":  nested("SELECT * FROM ", "(", "a", " JOIN a ON true)"),
	"joins right":   nested("SELECT * FROM ", "a JOIN ", "a", " ON true"),
	"like":          nested("SELECT ", "'a' LIKE (", "'a'", ")"),
	"lateral":       nested("", "SELECT * FROM LATERAL (", "SELECT 1", ") x"),
	"minus":         repeated("SELECT ", "- ", "1"),
	"mixed":         nested("SELECT ", "- - - NOT NOT 1 + 1 + (CASE WHEN 1 = 1 THEN ", "1", " END)"),
	"not":           repeated("SELECT ", "NOT ", "true"),
	"not in and":    repeated("SELECT true", " AND NOT NOT NOT NOT true", ""),
	"operator":      repeated("SELECT 1 ", "+", " 1"),
	"operators":     repeated("SELECT ", "@ ", "1"),
	"over":          nested("SELECT ", "count(*) OVER (ORDER BY ", "1", ")"),
	"qualified":     repeated("SELECT 1", " OPERATOR(pg_catalog.+) 1", ""),
	"row":           nested("SELECT ", "ROW(", "1", ")"),
	"set operation": nested("", "(", "SELECT 1", " UNION SELECT 1)"),
	"statements":    repeated("", "SELECT 1;", ""),
	"subquery":      nested("", "SELECT (", "SELECT 1", ")"),
	"sum":           repeated("SELECT 1", "+1", ""),
	"sum to right":  nested("SELECT ", "1+(", "1", ")"),
	"targets":       repeated("SELECT 1", ",1", ""),
	"type":          repeated("SELECT 1::int", "[]", ""),
	"union":         repeated("SELECT 1", " UNION ALL SELECT 1", ""),
	"values":        repeated("VALUES (1)", ",(1)", ""),
}

func repeated(head, part, tail string) func(int) string {
	return func(n int) string { return head + strings.Repeat(part, n) + tail }
}

func nested(head, open, core, end string) func(int) string {
	return func(n int) string { return head + strings.Repeat(open, n) + core + strings.Repeat(end, n) }
}

// worst is the largest statement of a shape that the text gate admits.
func worst(shape func(int) string) string {
	return shape(sort.Search(MaxStatement, func(n int) bool { return checkText(shape(n+1)) != nil }))
}

// child is the environment variable that makes the test binary a child process.
// It takes statements as lines of JSON and says "alive" after each. In the mode
// "check" it checks them, in the mode "parse" it parses them without the gate.
const child = "PGMCP_GUARD_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(child); mode != "" {
		if err := serveAsChild(mode); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serveAsChild(mode string) error {
	p, err := fixture()
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var sql string
		if err := json.Unmarshal(lines.Bytes(), &sql); err != nil {
			return err
		}
		// On two threads at once: at most one is the main thread, whose stack grows.
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				runtime.LockOSThread()
				if mode == "check" {
					Check(sql, p)
				}
				pg_query.Parse(sql)
				pg_query.Fingerprint(sql)
			})
		}
		both.Wait()
		fmt.Println("alive")
	}
	return lines.Err()
}

// survived is how many of the statements a child with so much stack, in KiB, lived through.
func survived(t *testing.T, stack, mode string, statements []string) (int, string) {
	t.Helper()
	var input bytes.Buffer
	for _, sql := range statements {
		if err := json.NewEncoder(&input).Encode(sql); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -S -s "$1" && exec "$2"`, "sh", stack, self)
	cmd.Env = append(os.Environ(), child+"="+mode, "GOTRACEBACK=none")
	cmd.Stdin = &input
	out, err := cmd.CombinedOutput()
	if err != nil {
		out = append(out, err.Error()...)
	}
	return strings.Count(string(out), "alive\n"), string(out)
}

// TestStackOverflow gives the worst statements that the gate admits to child
// processes with small stacks: a parser that runs out of stack kills its process.
func TestStackOverflow(t *testing.T) {
	names := slices.Sorted(maps.Keys(shapes))
	var statements []string
	for _, name := range names {
		statements = append(statements, worst(shapes[name]))
	}
	for _, stack := range []string{"1024", "2048", "8192", "unlimited"} {
		t.Run(stack+" KiB", func(t *testing.T) {
			if n, out := survived(t, stack, "check", statements); n < len(statements) {
				t.Errorf("%q of %d bytes killed the process: %s", names[n], len(statements[n]), out)
			}
		})
	}
}

// TestStackOverflowIsSeen shows that a child does die of what the gate refuses.
func TestStackOverflowIsSeen(t *testing.T) {
	deadly := shapes["sum"](8000)
	if checkText(deadly) == nil {
		t.Error("the gate admits 8000 additions")
	}
	if n, _ := survived(t, "1024", "parse", []string{deadly}); n != 0 {
		t.Error("a child with a stack of 1 MiB lived through 8000 additions")
	}
}

// TestWorstTime bounds how long the worst statements take.
func TestWorstTime(t *testing.T) {
	p := practice(t)
	for name, shape := range shapes {
		sql := worst(shape)
		started := time.Now()
		verdict(t, sql, p)
		if d := time.Since(started); d > time.Second {
			t.Errorf("%s: %d bytes took %v", name, len(sql), d)
		}
	}
}

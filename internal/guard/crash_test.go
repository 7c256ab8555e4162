package guard

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// largest is the widest gate that the schema lets anyone configure.
var largest = policy.Limits{MaxStatementSize: 64 << 10, MaxTokens: 20_000}

// shapes are statements that grow deep, or hard to parse, with n.
var shapes = map[string]func(n int) string{
	"alternation":       repeated("SELECT true", " OR true AND true", ""),
	"and":               repeated("SELECT true", " AND true", ""),
	"any":               nested("SELECT ", "1 = ANY (ARRAY[", "1", "])"),
	"array":             nested("SELECT ARRAY", "[", "1", "]"),
	"array of case":     nested("SELECT ", "ARRAY[CASE WHEN ", "true", " THEN 1 END]"),
	"array subquery":    nested("SELECT ", "ARRAY(SELECT ", "1", ")"),
	"at time zone":      repeated("SELECT now()", " AT TIME ZONE 'x'", ""),
	"attributes":        nested("SELECT ", "(", "a", ").b"),
	"between":           nested("SELECT ", "1 BETWEEN 1 AND (", "1", ")"),
	"between not":       repeated("SELECT true", " BETWEEN true AND NOT true", ""),
	"bracketed sum":     repeated("SELECT 1", "+(1)", ""),
	"brackets":          nested("SELECT ", "(", "1", ")"),
	"case":              nested("SELECT ", "CASE WHEN true THEN ", "1", " END"),
	"case in when":      nested("SELECT ", "CASE WHEN ", "true", " THEN true END"),
	"casts":             repeated("SELECT 1", "::int", ""),
	"casts of words":    repeated("SELECT now()", "::timestamp with time zone", ""),
	"coalesce":          nested("SELECT ", "coalesce(", "1", ")"),
	"collate":           repeated("SELECT 'a'", ` COLLATE "C"`, ""),
	"column values":     repeated("SELECT 1", "+values", ""),
	"columns of DDL":    repeated("CREATE TABLE t (a int", ",a int", ")"),
	"comments":          nested("", "/*", "", "*/"),
	"concatenation":     repeated("SELECT 'a'", "||'a'", ""),
	"constraints":       repeated("CREATE TABLE t (a int", " NOT NULL", ")"),
	"cte":               nested("", "WITH x AS (", "SELECT 1", ") SELECT 1"),
	"cube":              nested("SELECT 1 GROUP BY ", "CUBE (", "1", ")"),
	"distinct from not": repeated("SELECT true", " IS DISTINCT FROM NOT true", ""),
	"dots":              repeated("SELECT a", ".a", ""),
	"dotted end":        repeated("SELECT 1", "+CASE WHEN a.end THEN 1 END", ""),
	"dotted from":       repeated("SELECT 1", "+a.from", ""),
	"exists":            nested("SELECT ", "EXISTS (SELECT ", "1", ")"),
	"filter":            nested("SELECT ", "count(*) FILTER (WHERE ", "true", ")"),
	"from list":         repeated("SELECT 1 FROM a", ",a", ""),
	"from subquery":     nested("", "SELECT * FROM (", "SELECT 1", ") x"),
	"function bodies":   nested("", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC ", "SELECT 1;", " END;"),
	"functions":         nested("SELECT ", "abs(", "1", ")"),
	"grouping sets":     nested("SELECT 1 GROUP BY ", "GROUPING SETS (", "1", ")"),
	"in":                repeated("SELECT 1", " IN (1)", ""),
	"in list":           repeated("SELECT 1 WHERE 1 IN (1", ",1", ")"),
	"in subquery":       nested("SELECT ", "1 IN (SELECT ", "1", ")"),
	"in values":         nested("SELECT ", "1 IN (VALUES (", "1", "))"),
	"index":             repeated("SELECT a", "[1]", ""),
	"insert":            nested("", "WITH x AS (INSERT INTO a ", "SELECT 1", " RETURNING 1) SELECT 1"),
	"is json":           repeated("SELECT '1'", " IS JSON WITH UNIQUE KEYS", ""),
	"is null":           repeated("SELECT 1", " IS NULL", ""),
	"is true":           repeated("SELECT true", " IS NOT TRUE", ""),
	"isnull":            repeated("SELECT 1", " ISNULL", ""),
	"joins":             repeated("SELECT * FROM a", " JOIN a USING (x)", ""),
	"joins nested":      nested("SELECT * FROM ", "(", "a", " JOIN a ON true)"),
	"joins on":          repeated("SELECT * FROM a", " JOIN a ON true", ""),
	"joins right":       nested("SELECT * FROM ", "a JOIN ", "a", " ON true"),
	"json array":        nested("SELECT ", "JSON_ARRAY(", "1", ")"),
	"json object":       nested("SELECT ", "JSON_OBJECT('a': ", "1", ")"),
	"label case":        nested("SELECT ", "- - - - - - - - - (SELECT ", "1", " case)"),
	"label end":         nested("SELECT ", "- - - - - - - - - (SELECT CASE WHEN true THEN ", "1", " END end)"),
	"lateral":           nested("", "SELECT * FROM LATERAL (", "SELECT 1", ") x"),
	"like":              nested("SELECT ", "'a' LIKE (", "'a'", ")"),
	"minus":             repeated("SELECT ", "- ", "1"),
	"mixed":             nested("SELECT ", "- - - NOT NOT 1 + 1 + (CASE WHEN 1 = 1 THEN ", "1", " END)"),
	"mode":              repeated("SELECT 1", "+mode() WITHIN GROUP (ORDER BY 1)", ""),
	"not":               repeated("SELECT ", "NOT ", "true"),
	"not in and":        repeated("SELECT true", " AND NOT NOT NOT NOT true", ""),
	"operator":          repeated("SELECT 1 ", "+", " 1"),
	"operators":         repeated("SELECT ", "@ ", "1"),
	"order by":          nested("SELECT ", "string_agg('a', 'b' ORDER BY ", "1", ")"),
	"over":              nested("SELECT ", "count(*) OVER (ORDER BY ", "1", ")"),
	"parts of DDL":      repeated("ALTER TABLE t DROP a", ", DROP a", ""),
	"qualified":         repeated("SELECT 1", " OPERATOR(pg_catalog.+) 1", ""),
	"row":               nested("SELECT ", "ROW(", "1", ")"),
	"rows from":         nested("SELECT 1 FROM ", "ROWS FROM (abs((SELECT 1 FROM ", "a", ")))"),
	"set operation":     nested("", "(", "SELECT 1", " UNION SELECT 1)"),
	"statements":        repeated("", "SELECT 1;", ""),
	"subquery":          nested("", "SELECT (", "SELECT 1", ")"),
	"subscripts":        nested("SELECT ", "a[", "1", "]"),
	"sum":               repeated("SELECT 1", "+1", ""),
	"sum to right":      nested("SELECT ", "1+(", "1", ")"),
	"targets":           repeated("SELECT 1", ",1", ""),
	"type":              repeated("SELECT 1::int", "[]", ""),
	"type modifiers":    nested("SELECT ", "1::numeric(", "1", ")"),
	"union":             repeated("SELECT 1", " UNION ALL SELECT 1", ""),
	"values":            repeated("VALUES (1)", ",(1)", ""),
	"xml":               nested("SELECT ", "xmlelement(name a, ", "1", ")"),
}

func repeated(head, part, tail string) func(int) string {
	return func(n int) string { return head + strings.Repeat(part, n) + tail }
}

func nested(head, open, core, end string) func(int) string {
	return func(n int) string { return head + strings.Repeat(open, n) + core + strings.Repeat(end, n) }
}

// worst is the largest statement of a shape that the widest text gate admits.
func worst(shape func(int) string) string {
	return shape(sort.Search(int(largest.MaxStatementSize), func(n int) bool { return checkText(shape(n+1), largest) != nil }))
}

// wide is the policy of the fixture behind the widest gate.
func wide(p *policy.Policy) *policy.Policy {
	p.Limits = largest
	return p
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
	wide(p)
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

// TestShapes shows that each shape is the grammar's: a syntax error costs no stack.
func TestShapes(t *testing.T) {
	for name, shape := range shapes {
		if _, err := pg_query.Parse(shape(3)); err != nil {
			t.Errorf("%s: %s: %v", name, shape(3), err)
		}
	}
}

// TestLargest shows that nobody can configure a wider gate than the largest.
func TestLargest(t *testing.T) {
	tests := []struct {
		size   string
		tokens int
		valid  bool
	}{
		{"64KiB", largest.MaxTokens, true},
		{"65536B", largest.MaxTokens, true},
		{"65KiB", largest.MaxTokens, false},
		{"65537B", largest.MaxTokens, false},
		{"1MiB", largest.MaxTokens, false},
		{"64KiB", largest.MaxTokens + 1, false},
	}
	for _, tt := range tests {
		file := filepath.Join(t.TempDir(), "config.cue")
		text := fmt.Sprintf("databases: a: url: env: \"A\"\nsecurity: limits: {max_statement_size: %q, max_tokens: %d}\n", tt.size, tt.tokens)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(file)
		if (err == nil) != tt.valid {
			t.Errorf("%s and %d tokens: %v, want valid: %v", tt.size, tt.tokens, err, tt.valid)
		}
		if err == nil && int64(cfg.Security.Limits.MaxStatementSize) != largest.MaxStatementSize {
			t.Errorf("%s is %d bytes", tt.size, cfg.Security.Limits.MaxStatementSize)
		}
	}
}

// TestStackOverflowIsSeen shows that a child does die of what the gate refuses.
func TestStackOverflowIsSeen(t *testing.T) {
	deadly := shapes["sum"](8000)
	if checkText(deadly, largest) == nil {
		t.Error("the gate admits 8000 additions")
	}
	if n, _ := survived(t, "1024", "parse", []string{deadly}); n != 0 {
		t.Error("a child with a stack of 1 MiB lived through 8000 additions")
	}
}

// TestWorstTime bounds how long the worst statements take.
func TestWorstTime(t *testing.T) {
	p := wide(practice(t))
	for name, shape := range shapes {
		sql := worst(shape)
		d := taken(func() { verdict(t, sql, p) })
		t.Logf("%-20s %6d bytes %v", name, len(sql), d)
		if d > slow {
			t.Errorf("%s: %d bytes took %v", name, len(sql), d)
		}
	}
}

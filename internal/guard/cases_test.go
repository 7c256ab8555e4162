package guard

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/policy"
)

// A testCase is one statement of testdata/allowed or testdata/refused with what
// is said of it. The files read:
//
//	# a comment, kept
//	SELECT …
//	=> clinic.pets: id, name; pg_catalog.count()
//
// or, of a refusal, its code, position and message, and its hint below:
//
//	=> blocked_column @8: column …
//	   columns of …
//
// Lines of a statement that begin with a backslash have Go's escapes: \"\x00\".
type testCase struct {
	comment string // the lines before it, blank ones too
	sql     string
	want    string
}

func (c testCase) statement() string {
	if strings.HasPrefix(c.sql, `\"`) {
		var s string
		if _, err := fmt.Sscanf(c.sql[1:], "%q", &s); err != nil {
			panic(err)
		}
		return s
	}
	return c.sql
}

func readCases(t testing.TB, file string) []testCase {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []testCase
	var c testCase
	add := func() {
		if c.sql != "" {
			c.sql, c.want = strings.TrimSuffix(c.sql, "\n"), strings.TrimSuffix(c.want, "\n")
			cases = append(cases, c)
			c = testCase{}
		}
	}
	for line := range strings.Lines(string(b)) {
		switch {
		case strings.HasPrefix(line, "=> "), c.want != "" && strings.HasPrefix(line, "   "):
			c.want += line
		case c.sql == "" && (strings.HasPrefix(line, "#") || line == "\n"):
			c.comment += line
		case line == "\n" || c.want != "":
			add()
			if line == "\n" || strings.HasPrefix(line, "#") {
				c.comment += line
			} else {
				c.sql = line
			}
		default:
			c.sql += line
		}
	}
	add()
	return cases
}

func writeCases(t *testing.T, file string, cases []testCase) {
	t.Helper()
	var b strings.Builder
	for i, c := range cases {
		if i > 0 && !strings.HasPrefix(c.comment, "\n") {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s%s\n%s\n", c.comment, c.sql, c.want)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// say writes a verdict as the files have it.
func say(s Statement, refusal *Refusal) string {
	if refusal == nil {
		return "=> " + sayReads(s.Reads())
	}
	text := fmt.Sprintf("=> %s @%d: %s", refusal.Code, refusal.Position, refusal.Message)
	if refusal.Hint != "" {
		text += "\n   " + refusal.Hint
	}
	return text
}

func sayReads(reads Reads) string {
	var parts []string
	for _, table := range reads.Tables {
		var columns []string
		for _, c := range reads.Columns {
			if name, ok := strings.CutPrefix(c, table+"."); ok {
				columns = append(columns, name)
			}
		}
		parts = append(parts, strings.TrimSuffix(table+": "+strings.Join(columns, ", "), ": "))
	}
	for _, f := range reads.Functions {
		parts = append(parts, f+"()")
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, "; ")
}

func caseFiles(t testing.TB, folder string) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/" + folder + "/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	return files
}

// TestCases compares the verdicts with the files. Whether a statement is allowed
// is said by the folder, which no -update changes.
func TestCases(t *testing.T) {
	p := practice(t)
	for _, folder := range []string{"allowed", "refused"} {
		count := 0
		defer func() { t.Logf("%d statements %s, in %d themes", count, folder, len(caseFiles(t, folder))) }()
		for _, file := range caseFiles(t, folder) {
			count += len(readCases(t, file))
			t.Run(folder+"/"+strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
				testCases(t, file, folder == "allowed", p)
			})
		}
	}
}

func testCases(t *testing.T, file string, allowed bool, p *policy.Policy) {
	cases := readCases(t, file)
	for i, c := range cases {
		s, refusal := verdict(t, c.statement(), p)
		if got := refusal == nil; got != allowed {
			t.Errorf("%s\nallowed: %v, want %v: %s", c.sql, got, allowed, say(s, refusal))
			continue
		}
		got := say(s, refusal)
		if *update {
			cases[i].want = got
		} else if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s\n%s", c.sql, diff)
		}
	}
	if *update && !t.Failed() {
		writeCases(t, file, cases)
	}
}

package catalog_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// A viewCase is one view of testdata/lineage.txt and what is said of it.
type viewCase struct {
	comment string // the lines before it, blank ones too
	name    string
	release int // of PostgreSQL that it needs; 0: any
	sql     string
	want    string
}

var viewName = regexp.MustCompile(`view ("(?:[^"]|"")+"|\w+)`)

func readViewCases(t *testing.T, text string) []viewCase {
	t.Helper()
	var cases []viewCase
	var c viewCase
	for block := range strings.SplitSeq(text, "\n\n") {
		for line := range strings.Lines(strings.TrimSuffix(block, "\n") + "\n") {
			switch {
			case strings.HasPrefix(line, "#"):
				c.comment += line
				c.release, _ = strconv.Atoi(strings.TrimSpace(line[1:]))
			case strings.HasPrefix(line, "=> "), strings.HasPrefix(line, "   "):
				c.want += line
			default:
				c.sql += line
			}
		}
		if c.sql == "" {
			c.comment += "\n"
			continue
		}
		found := viewName.FindStringSubmatch(c.sql)
		if found == nil {
			t.Fatalf("no view: %s", c.sql)
		}
		c.name = strings.ReplaceAll(strings.Trim(found[1], `"`), `""`, `"`)
		cases = append(cases, c)
		c = viewCase{}
	}
	return cases
}

// TestLineage compares what the columns of views read with testdata/lineage.txt,
// which is the same for every release.
func TestLineage(t *testing.T) {
	const golden = "testdata/lineage.txt"
	tables, err := os.ReadFile("testdata/lineage.sql")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	cases := readViewCases(t, string(text))
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		script := string(tables)
		for _, c := range cases {
			if s.Version()/10000 >= c.release {
				script += c.sql
			}
		}
		snapshot := load(t, s.Open(t, script))
		for i, c := range cases {
			if s.Version()/10000 < c.release {
				continue
			}
			view := snapshot.Relation("public", c.name)
			if view == nil {
				t.Fatalf("there is no view %s", c.name)
			}
			got := describeLineage(snapshot, view)
			if *update {
				cases[i].want = got
			} else if diff := gocmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", c.sql, diff)
			}
		}
	})
	if *update {
		var b strings.Builder
		for i, c := range cases {
			if i > 0 {
				b.WriteString("\n")
			}
			fmt.Fprint(&b, c.comment, c.sql, c.want)
		}
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func describeLineage(c *catalog.Catalog, view *catalog.Relation) string {
	outputs := map[int16][]string{}
	for _, d := range view.Reads {
		name := "a catalog of PostgreSQL"
		r := c.ByOID(d.Relation)
		switch {
		case d.Builtin != "":
			continue // policed whole, as before
		case d.Function != 0:
			name = c.FunctionByOID(d.Function).Name + "()"
		case r == nil:
		case d.Whole:
			name = r.Name + ".*"
		case d.Column > 0:
			name = r.Name + "." + r.Numbered(d.Column).Name
		case d.Column < 0:
			name = r.Name + " system column"
		default:
			name = r.Name
		}
		if d.Planned {
			name += " (plan)"
		}
		outputs[d.Output] = append(outputs[d.Output], name)
	}
	lines := []string{"=> rows: " + strings.Join(outputs[0], ", ")}
	for _, column := range view.Columns {
		if reads := outputs[column.Number]; reads != nil {
			lines = append(lines, fmt.Sprintf("   %s: %s", column.Name, strings.Join(reads, ", ")))
		}
	}
	if unused := outputs[catalog.Unused]; unused != nil {
		lines = append(lines, "   (unused): "+strings.Join(unused, ", "))
	}
	return strings.Join(lines, "\n") + "\n"
}

package eval

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/config"
)

func caseFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cases.sql")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadCases(t *testing.T) {
	path := caseFile(t, `-- Cases of the shop, and a comment.

-- question: Which cities: the top ones?
-- database: shop
-- ordered
select city
-- a comment: it keeps the numbers of lines

from customers -- and another
order by 1;

-- or
select upper(city) from customers;
-- question: Who is the tallest?
-- unanswerable

--question:   Is ';' kept?
select ';'  ;
`)
	got, err := ReadCases(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []Case{
		{Question: "Which cities: the top ones?", Database: "shop", Ordered: true, File: path, Line: 3, Gold: []Gold{
			{"select city\n\n\nfrom customers -- and another\norder by 1", 6},
			{"select upper(city) from customers", 13},
		}},
		{Question: "Who is the tallest?", Unanswerable: true, File: path, Line: 14},
		{Question: "Is ';' kept?", File: path, Line: 17, Gold: []Gold{{"select ';'", 18}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("cases (-want +got):\n%s", d)
	}
}

func TestBadCases(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", `1:1: there is no question (a case begins with "-- question: …")`},
		{"only comments", "-- two words\n\n", `2:1: there is no question (a case begins with "-- question: …")`},
		{"SQL first", "select 1;\nselect 2;\n-- question: A?\nselect 3", `1:1: SQL before the first question (a case begins with "-- question: …")`},
		{"header first", "-- ordered\n-- question: A?\nselect 3", `1:1: "ordered" before the first question (a case begins with "-- question: …")`},
		{"empty question", "-- question:\nselect 1", `1:1: the question is empty`},
		{"no SQL", "-- question: A?\n;\n", `1:1: the question has no SQL (write what answers it, or "-- unanswerable")`},
		{"unanswerable with SQL", "-- question: A?\n-- unanswerable\nselect 1", `1:1: the question is unanswerable and has SQL (leave one of them out)`},
		{"unknown header", "-- question: A?\n-- ordred\nselect 1", `2:1: unknown header "ordred" (did you mean "ordered"?)`},
		{"no header", "-- question: A?\n-- todo: improve\nselect 1", `2:1: unknown header "todo" (known are: question, database, ordered, unanswerable, or; a comment has several words and no colon after the first)`},
		{"late header", "-- question: A?\nselect 1;\n-- ordered\n", `3:1: "ordered" after the SQL of its question (headers come before the SQL)`},
		{"no database", "-- question: A?\n-- database\nselect 1;", `2:1: the database has no name`},
		{"a value", "-- question: A?\n-- ordered: no\nselect 1;", `2:1: "ordered" takes no value`},
		{"or first", "-- question: A?\n-- or\nselect 1;", `2:1: no SQL before this alternative`},
		{"or last", "-- question: A?\nselect 1;\n-- or\n", `1:1: no SQL after the last "or" of this question`},
		{"twice", "-- question: A?\nselect 1;\n-- question: A?\nselect 2;\n-- question: A?\n-- database: x\nselect 3", `3:1: the question is asked twice (it is first at line 1)`},
		{"several", "-- question: A?\n-- question: B?\n-- unanswerable: x", "1:1: the question has no SQL (write what answers it, or \"-- unanswerable\")\n3:1: \"unanswerable\" takes no value\n2:1: the question has no SQL (write what answers it, or \"-- unanswerable\")"},
	} {
		path := caseFile(t, tt.text)
		_, err := ReadCases(path)
		if _, ok := errors.AsType[*config.Invalid](err); !ok {
			t.Errorf("%s: %v is no *config.Invalid", tt.name, err)
			continue
		}
		if got := strings.ReplaceAll(err.Error(), path+":", ""); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
	if _, err := ReadCases("nothing.sql"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestOn(t *testing.T) {
	cases := []Case{{Question: "a"}, {Question: "b", Database: "shop"}, {Question: "c", Database: "desk"}}
	names := func(cases []Case) string {
		var all []string
		for _, c := range cases {
			all = append(all, c.Question+" "+c.Database)
		}
		return strings.Join(all, ", ")
	}
	for _, tt := range []struct {
		cases []Case
		db    string
		among string
		want  string
		err   string
	}{
		{cases, "shop", "shop", "a shop, b shop", ""},
		{cases, "desk", "desk shop", "a desk, c desk", ""},
		{cases[1:], "", "desk shop", "b shop, c desk", ""},
		{cases[:1], "", "shop", "a shop", ""},
		{cases, "", "desk shop", "", "several databases are served (say which one: desk, shop)"},
		{cases[2:], "", "shop", "", `unknown database "desk" (served are: shop)`},
	} {
		got, err := On(tt.cases, tt.db, strings.Fields(tt.among))
		if (err == nil) != (tt.err == "") || err != nil && !strings.HasSuffix(err.Error(), tt.err) || names(got) != tt.want {
			t.Errorf("on %q of %q: %q, %v", tt.db, tt.among, names(got), err)
		}
	}
}

func TestPlace(t *testing.T) {
	g := Gold{"select é,\n  naem\nfrom t", 7}
	for _, tt := range []struct{ position, line, column int }{
		{0, 7, 1}, {1, 7, 1}, {8, 7, 8}, {9, 7, 9}, {13, 8, 3}, {99, 9, 7},
	} {
		if line, column := place(g, tt.position); line != tt.line || column != tt.column {
			t.Errorf("position %d is at %d:%d, want %d:%d", tt.position, line, column, tt.line, tt.column)
		}
	}
}

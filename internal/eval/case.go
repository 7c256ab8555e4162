// Package eval measures how well questions are answered: it asks those of a case
// file, runs the SQL that would be right beside the SQL that was given, on the
// same data, and says how many answers were right and what the confidences were
// worth. From that it can calibrate them. It decides no answer, and what it
// measures depends on the cases, which are their author's.
package eval

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/nearest"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

// A Case is a question and the SQL that answers it.
type Case struct {
	Question     string
	Database     string // empty: the file does not say
	Gold         []Gold // any of them is right; none if Unanswerable
	Ordered      bool   // the order of the rows is part of the answer
	Unanswerable bool   // no answer is right: the database does not hold it, or the question must be asked back

	File string
	Line int // of the question, from 1
}

// Gold is a statement whose rows answer a question.
type Gold struct {
	SQL  string
	Line int // of its first line
}

// ReadCases reads a case file. It is SQL, which psql could run too, under
// comments that say what it answers:
//
//	-- question: Which cities have more than 100 customers?
//	-- database: shop
//	select city from customers group by city having count(*) > 100;
//	-- or
//	select city, count(*) from customers group by city having count(*) > 100;
//
//	-- question: Who is our tallest customer?
//	-- unanswerable
//
// A line that begins with "--" and a single word, or a word and a colon, is such
// a header; "-- ordered" is the one that is missing above. Any other line that
// begins with "--" is a comment. Mistakes give a *config.Invalid with all of them.
func ReadCases(path string) ([]Case, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read cases: %w", err)
	}
	r := reader{file: path}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		r.line(number, strings.TrimRight(line, " \t\r\n"))
	}
	r.endCase()
	if len(r.cases) == 0 && len(r.problems) == 0 {
		r.problem(max(number, 1), "there is no question", `a case begins with "-- question: …"`)
	}
	if len(r.problems) > 0 {
		return nil, &config.Invalid{Problems: r.problems}
	}
	return r.cases, nil
}

// On are the cases for the database db or, if that is empty, for all of the
// databases among. A case that names none is for db, or for the only one there
// is. Cases for databases that there are not give a *config.Invalid.
func On(cases []Case, db string, among []string) ([]Case, error) {
	var on []Case
	var problems []config.Problem
	for _, c := range cases {
		name, err := postgres.Find(cmp.Or(c.Database, db), among)
		unknown, _ := errors.AsType[*postgres.UnknownDatabase](err)
		switch {
		case db != "" && c.Database != "" && c.Database != db:
		case unknown != nil:
			problems = append(problems, config.Problem{File: c.File, Line: c.Line, Column: 1, Message: unknown.Error(), Hint: unknown.Hint()})
		default:
			c.Database = name
			on = append(on, c)
		}
	}
	if len(problems) > 0 {
		return nil, &config.Invalid{Problems: problems}
	}
	return on, nil
}

// A reader reads a case file line by line.
type reader struct {
	file     string
	cases    []Case
	problems []config.Problem

	current *Case
	sql     strings.Builder // of the statement that is being read
	sqlLine int             // where it begins
}

var header = regexp.MustCompile(`^--\s*([a-z_]+)(?:$|:\s*(.*)$)`)

var headers = []string{"question", "database", "ordered", "unanswerable", "or"}

func (r *reader) problem(line int, message, hint string) {
	r.problems = append(r.problems, config.Problem{File: r.file, Line: line, Column: 1, Message: message, Hint: hint})
}

func (r *reader) line(number int, text string) {
	m := header.FindStringSubmatch(text)
	switch {
	case m != nil:
		r.header(number, m[1], m[2])
	case strings.HasPrefix(text, "--"):
		r.sql.WriteString("\n") // a comment; the lines after it keep their numbers
	case text == "" && r.sqlLine == 0:
	case r.current == nil:
		r.problem(number, "SQL before the first question", `a case begins with "-- question: …"`)
		r.current = &Case{} // say so once
	default:
		if r.sqlLine == 0 {
			r.sqlLine = number
			r.sql.Reset()
		}
		r.sql.WriteString(text + "\n")
	}
}

func (r *reader) header(number int, name, value string) {
	switch {
	case name == "question":
		r.endCase()
		r.current = &Case{Question: value, File: r.file, Line: number}
		if value == "" {
			r.problem(number, "the question is empty", "")
		}
		return
	case r.current == nil:
		r.problem(number, fmt.Sprintf("%q before the first question", name), `a case begins with "-- question: …"`)
		return
	case name == "or":
		if !r.endStatement() {
			r.problem(number, "no SQL before this alternative", "")
		}
		return
	}
	if r.sqlLine > 0 || len(r.current.Gold) > 0 {
		r.problem(number, fmt.Sprintf("%q after the SQL of its question", name), "headers come before the SQL")
	}
	switch {
	case name == "database" && value != "":
		r.current.Database = value
	case name == "database":
		r.problem(number, "the database has no name", "")
	case name == "ordered" && value == "":
		r.current.Ordered = true
	case name == "unanswerable" && value == "":
		r.current.Unanswerable = true
	case name == "ordered", name == "unanswerable":
		r.problem(number, fmt.Sprintf("%q takes no value", name), "")
	default:
		hint := "known are: " + strings.Join(headers, ", ") + "; a comment has several words and no colon after the first"
		if near := nearest.Name(name, headers); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		r.problem(number, fmt.Sprintf("unknown header %q", name), hint)
	}
}

// endStatement adds the statement that was read, and reports whether there is one.
func (r *reader) endStatement() bool {
	sql := strings.TrimRight(strings.TrimSuffix(strings.TrimRight(r.sql.String(), " \n"), ";"), " \n")
	line := r.sqlLine
	r.sql.Reset()
	r.sqlLine = 0
	if line == 0 || sql == "" {
		return false
	}
	r.current.Gold = append(r.current.Gold, Gold{sql, line})
	return true
}

func (r *reader) endCase() {
	c := r.current
	if c == nil {
		return
	}
	alternatives := len(c.Gold) > 0
	ended := r.endStatement()
	r.current = nil
	switch {
	case c.File == "": // it had no question, which was said
		return
	case alternatives && !ended:
		r.problem(c.Line, `no SQL after the last "or" of this question`, "")
	case c.Unanswerable && len(c.Gold) > 0:
		r.problem(c.Line, "the question is unanswerable and has SQL", "leave one of them out")
	case !c.Unanswerable && len(c.Gold) == 0:
		r.problem(c.Line, "the question has no SQL", `write what answers it, or "-- unanswerable"`)
	}
	for _, other := range r.cases {
		if other.Question == c.Question && other.Database == c.Database {
			r.problem(c.Line, "the question is asked twice", fmt.Sprintf("it is first at line %d", other.Line))
			break
		}
	}
	r.cases = append(r.cases, *c)
}

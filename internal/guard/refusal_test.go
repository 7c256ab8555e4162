package guard

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const document = "../../docs/refusals.md"

// explanations say of each code when it is given and what to do then. They
// become docs/refusals.md.
var explanations = []struct {
	code     Code
	when, do string
}{
	{TooLong,
		"The statement is longer than `security.limits.max_statement_size`, or has more words and symbols than `security.limits.max_tokens`; or more than 500 operators in one expression, 200 open brackets, 100 joins, 100 set operations or 64 comments; or more than 40 tables in one `FROM` or 100 in all, 100 windows, 512 grouping sets, queries of more than 1,664 columns, or expressions of more than 50,000 parts when those of subqueries are put in the place of their columns. The bounds keep PostgreSQL's parser, and its planner, from running out of stack or time.",
		"Ask for less in one statement: a list of values can often be a join, a long `OR` an `IN`."},
	{BadText,
		"The statement is not UTF-8, or holds a NUL byte, which the server would read as its end.",
		"Send clean text."},
	{Syntax,
		"PostgreSQL's grammar does not accept the statement. The grammar is PostgreSQL 16's: what only a newer version has is not understood.",
		"Correct it at the position."},
	{NotOneStatement,
		"The text holds no statement, or more than one.",
		"Send one statement at a time."},
	{NotReadOnly,
		"The statement does more than read: it is none of `SELECT`, `VALUES`, `TABLE` and `EXPLAIN` of those, or has `INTO`, `FOR UPDATE` or a `WITH` query that changes data.",
		"Write a `SELECT`."},
	{ExplainNotAllowed,
		"`security.allow_explain` is off; or the option is one that runs the statement or shows settings; or the plan could show what may not be read, such as what a view reads for a column that the statement does not mention. `ANALYZE` is never allowed: what it runs can write even in a read-only transaction. `VERBOSE` lists every column of every table, those below views too.",
		"Use the options `COSTS`, `SUMMARY` and `FORMAT`, or none; `VERBOSE` where all columns of all tables may be read."},
	{NotSupported,
		"The guard does not know the construct, or cannot tell what a name in it means, and so cannot promise that it reads nothing blocked; or how much a function makes cannot be seen, or is too much; or PostgreSQL could not be stopped in it: it compares all of a long pattern or array with all of a long text or array, or follows an XPath whose conditions search the document again.",
		"Write it more plainly: name columns instead of rows, give functions in `FROM` a column list, write values instead of parameters."},
	{UnknownTable,
		"No readable schema has a table or view of that name, or nothing in `FROM` is called that where the name is used.",
		"Look at the hint; `search_objects` lists what there is."},
	{UnknownColumn,
		"No table in `FROM` has a column of that name where the name is used. A name after a dot must be a column: PostgreSQL would also call a function of that name.",
		"Look at the hint; call functions as `f(x)`."},
	{AmbiguousColumn,
		"The name could be a column of several tables in `FROM`.",
		"Write `TABLE.COLUMN`."},
	{UnknownFunction,
		"There is no such function among those that may be called.",
		"Look at the hint."},
	{UnknownType,
		"There is no such type in the readable schemas.",
		"Look at the hint."},
	{BlockedSchema,
		"The schema is blocked, not among the readable ones of the database, or PostgreSQL's own. The answer is the same whether it exists or not. Of PostgreSQL's own tables only `pg_timezone_names` and `pg_timezone_abbrevs` may be read.",
		"Read the schemas that the hint lists. What the catalogs would tell, `search_objects` and `list_databases` do."},
	{BlockedTable,
		"The table is blocked; or it is a partition or child of a blocked one; or reading it would read a blocked child; or none of its columns may be read; or it is a view whose rows depend on something blocked, by a condition, say, or that calls a function that is not allowed; or it is a sequence.",
		"Do without it. Where a child is what is blocked, read `FROM ONLY`."},
	{BlockedColumn,
		"The column is blocked, or its type is made of rows of a table of which some columns are, or it is a view's column that is made from something blocked. That holds for every part of a statement, since a condition or an order tells about a value too. `*` and whole rows read every column.",
		"Name the columns that the hint lists."},
	{BlockedFunction,
		"The function is one of PostgreSQL's own that does more than compute, and the message says what: it reads files, settings, catalogs or statements, waits, locks, writes, or shows the server or its sessions (`internal/policy/routines.txt` has the verdict on each); or a user-defined one that `security.allow_functions` and `security.allow_extensions` do not name; or the name stands for both, and PostgreSQL could choose one that is not allowed; or it returns rows of a table of which some columns may not be read.",
		"Do without it. For PostgreSQL's own function write `pg_catalog.NAME`."},
	{BlockedOperator,
		"The operator is user-defined, or could be for these operands, and its function is not allowed.",
		"Cast the operands to the types you mean, or write `OPERATOR(pg_catalog.=)`."},
	{BlockedType,
		"Making a value of the type, or using one where PostgreSQL converts it by itself, runs a function that is not allowed, such as the check of a domain or a user-defined cast; or the type looks names up in the catalogs, as `regclass` does; or it is the row of a table that may not be read.",
		"Use a plain type."},
	{Internal,
		"The guard failed. The statement was not run; it may be right.",
		"Write it another way, and report it: this is a mistake in pgmcp."},
}

// TestRefusalsDocument compares docs/refusals.md with the code. Its examples are
// the first cases of testdata/refused.
func TestRefusalsDocument(t *testing.T) {
	want := describeRefusals(t)
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/refusals.md is not current, run this test with -update:\n%s", diff)
	}
}

func describeRefusals(t *testing.T) string {
	p := practice(t)
	examples := map[Code]string{}
	for _, file := range caseFiles(t, "refused") {
		for _, c := range readCases(t, file) {
			_, refusal := verdict(t, c.statement(), p)
			if refusal == nil || examples[refusal.Code] != "" || strings.ContainsAny(c.sql, "\\\n") || len(c.sql) > 100 {
				continue
			}
			examples[refusal.Code] = fmt.Sprintf("```\n%s\n%s\n```", c.sql, strings.TrimPrefix(say(Statement{}, refusal), "=> "))
		}
	}
	var b strings.Builder
	b.WriteString(`# Refusals

Every statement passes the guard before it runs. A refusal says why not, in a form for people and models:

| field | |
|---|---|
| ` + "`code`" + ` | one of the codes below; they do not change |
| ` + "`message`" + ` | what is wrong, in the names that the statement uses |
| ` + "`position`" + ` | where, in characters from 1; 0 is no place in particular |
| ` + "`hint`" + ` | what would be right; it never names anything blocked |

The examples are about the practice of ` + "`internal/guard/testdata/fixture.sql`" + `: below the statement stand code,
position and message, and the hint.
`)
	for _, e := range explanations {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n%s\n", e.code, e.when, e.do)
		if example := examples[e.code]; example != "" {
			fmt.Fprintf(&b, "\n%s\n", example)
		}
	}
	return b.String()
}

// TestEveryCodeIsExplained reads the constants from the source: each has an
// explanation and a case.
func TestEveryCodeIsExplained(t *testing.T) {
	explained := map[Code]bool{}
	for _, e := range explanations {
		if e.when == "" || e.do == "" || explained[e.code] {
			t.Errorf("%s is explained twice, or not wholly", e.code)
		}
		explained[e.code] = true
	}
	occurs := map[Code]bool{}
	p := practice(t)
	for _, file := range caseFiles(t, "refused") {
		for _, c := range readCases(t, file) {
			if _, refusal := verdict(t, c.statement(), p); refusal != nil {
				occurs[refusal.Code] = true
			}
		}
	}
	for _, code := range declaredCodes(t) {
		if !explained[code] {
			t.Errorf("%s has no explanation", code)
		}
		if !occurs[code] && code != Internal { // of which no case is known
			t.Errorf("%s has no case in testdata/refused", code)
		}
		delete(explained, code)
	}
	for code := range explained {
		t.Errorf("%s is explained but not declared", code)
	}
}

func declaredCodes(t *testing.T) []Code {
	file, err := parser.ParseFile(token.NewFileSet(), "refusal.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Code" {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, Code(text))
		return true
	})
	return codes
}

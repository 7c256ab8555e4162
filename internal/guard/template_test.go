package guard

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var firstOfMarch = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

func TestBind(t *testing.T) {
	tests := []struct {
		name, template string
		values         map[string]Literal
		want           string
	}{
		{"no place", "select 1", nil, "select 1"},
		{"text", "select {a}", map[string]Literal{"a": Text("Ann")}, "select ('Ann')"},
		{"each type", "select {a}, {b}, {c}, {d}", map[string]Literal{"a": Int(-5), "b": Int(1 << 40), "c": Number("1.50"), "d": Date(firstOfMarch)},
			"select ('-5'::pg_catalog.int4), ('1099511627776'::pg_catalog.int8), ('1.50'::pg_catalog.numeric), ('2025-03-01'::pg_catalog.date)"},
		{"null", "select {a}", map[string]Literal{"a": Null()}, "select (NULL)"},
		{"twice", "select {a} where 1 = {a}", map[string]Literal{"a": Int(1)}, "select ('1'::pg_catalog.int4) where 1 = ('1'::pg_catalog.int4)"},
		{"behind a minus", "select -{a}, 1 -{a}", map[string]Literal{"a": Int(-5)}, "select -('-5'::pg_catalog.int4), 1 -('-5'::pg_catalog.int4)"},
		{"in a limit", "select 1 order by {a} limit {a}", map[string]Literal{"a": Int(1)}, "select 1 order by ('1'::pg_catalog.int4) limit ('1'::pg_catalog.int4)"},
		{"a keyword's name", "select {date} + {limit}", map[string]Literal{"date": Date(firstOfMarch), "limit": Int(1)}, "select ('2025-03-01'::pg_catalog.date) + ('1'::pg_catalog.int4)"},
		{"not in strings", `select '{a}', "{a}", $x${a}$x$, /* {a} */ {a} -- {a}`, map[string]Literal{"a": Int(1)},
			`select '{a}', "{a}", $x${a}$x$, /* {a} */ ('1'::pg_catalog.int4) -- {a}`},
		{"with a comment that the parser stumbles over", "select 1 not /* x */ in ({a})", map[string]Literal{"a": Int(1)}, "select 1 not /* x */ in (('1'::pg_catalog.int4))"},
		{"longer characters", "select 'é' || {a}", map[string]Literal{"a": Text("ü")}, "select 'é' || ('ü')"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			template, err := ParseTemplate(tt.template)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range template.Names() {
				if _, ok := tt.values[name]; !ok {
					t.Errorf("there is no parameter %q", name)
				}
			}
			got, err := template.Bind(tt.values)
			if err != nil {
				t.Fatal(err)
			}
			if got.SQL != tt.want {
				t.Errorf("got  %s\nwant %s", got.SQL, tt.want)
			}
		})
	}
}

// Whatever a text holds, it stays one text.
func TestBindHostileText(t *testing.T) {
	template, err := ParseTemplate("select name from readers where name = {a} and id > {b}")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "'", "''", "' or true --", "'; drop table readers; --", `\'; select 1`, `\`, `\\'`, "*/ union select pin from readers /*",
		"{b}", "$1", "$$", "$x$ or true $x$", "E'", "U&'\\0027'", "\n--\n", "-- ", "a\u2028b", "’ or ’", "\u202e", strings.Repeat("'", 500),
	} {
		b, err := template.Bind(map[string]Literal{"a": Text(text), "b": Number(text)})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		tree, refusal := parse(b.SQL)
		if refusal != nil {
			t.Errorf("%q: %v", text, refusal)
			continue
		}
		where := tree.Stmts[0].Stmt.GetSelectStmt().WhereClause.GetBoolExpr().GetArgs()
		if len(where) != 2 || where[0].GetAExpr().GetRexpr().GetAConst().GetSval().GetSval() != text ||
			where[1].GetAExpr().GetRexpr().GetTypeCast().GetArg().GetAConst().GetSval().GetSval() != text {
			t.Errorf("%q became %s", text, b.SQL)
		}
	}
	for _, text := range []string{"\x00", "\xff"} {
		if b, err := template.Bind(map[string]Literal{"a": Text(text), "b": Int(1)}); err == nil {
			t.Errorf("%q became %s", text, b.SQL)
		}
	}
	if b, err := template.Bind(map[string]Literal{"a": Text(strings.Repeat("x", 64<<10)), "b": Int(1)}); err == nil {
		t.Errorf("a text that is too long became %d bytes", len(b.SQL))
	}
	if _, err := template.Bind(map[string]Literal{"a": Text("x")}); err == nil {
		t.Error("a value is missing, and nobody minds")
	}
}

func TestParseTemplateRefuses(t *testing.T) {
	for _, tt := range []struct {
		template string
		code     Code
		position int
	}{
		{"select é{", Syntax, 9},
		{"select { a}", Syntax, 8},
		{"select {a }", Syntax, 8},
		{"select {a", Syntax, 8},
		{"select ({a)", Syntax, 9},
		{"select {}", Syntax, 8},
		{"select {1}", Syntax, 8},
		{`select {"a"}`, Syntax, 8},
		{"select {{a}}", Syntax, 8},
		{"select a{b} from c", Syntax, 9},
		{"select E{b}", Syntax, 9},
		{"select U&{b}", "", 0}, // a column U, an operator & and a value
		{"select 1 from {a}", Syntax, 15},
		{"select interval {a}", Syntax, 17},
		{"select {a} {b}", Syntax, 12},
		{"select 1 as {a}", Syntax, 13},
		{"select $1", NotSupported, 8},
		{"select $1, {a}", NotSupported, 8},
		{"select {a}; select {b}", NotOneStatement, 12},
		{"", NotOneStatement, 0},
		{"select " + strings.Repeat("{a},", 100) + "1", TooLong, 404},
		{"select " + strings.Repeat("(", 300) + "{a}", TooLong, 207},
		{"select '\x00'", BadText, 9},
	} {
		_, err := ParseTemplate(tt.template)
		if tt.code == "" {
			if err != nil {
				t.Errorf("%q: %v", tt.template, err)
			}
			continue
		}
		refusal, ok := err.(*Refusal)
		if !ok || refusal.Code != tt.code || refusal.Position != tt.position {
			t.Errorf("%.40q: %#v, want %s at %d", tt.template, err, tt.code, tt.position)
		}
	}
}

// A position in the statement is one in the template, whatever stands between.
func TestBoundAt(t *testing.T) {
	const text = "select 'é', {a}, x1 where {bc} = x2 -- x3"
	template, err := ParseTemplate(text)
	if err != nil {
		t.Fatal(err)
	}
	b, err := template.Bind(map[string]Literal{"a": Text("üüüüüüüüüü"), "bc": Int(7)})
	if err != nil {
		t.Fatal(err)
	}
	at := func(in, part string) int {
		before, _, ok := strings.Cut(in, part)
		if !ok {
			t.Fatalf("%s is not in %s", part, in)
		}
		return utf8.RuneCountInString(before) + 1
	}
	for bound, original := range map[string]string{"select": "select", "'é'": "'é'", "('üüüüüüüüüü')": "{a}", "üü'": "{a}", "x1": "x1", "('7'": "{bc}", "int4": "{bc}", "x2": "x2", "x3": "x3"} {
		if got, want := b.At(at(b.SQL, bound)), at(text, original); got != want {
			t.Errorf("%s at %d, want %d", bound, got, want)
		}
	}
	if got := b.At(0); got != 0 {
		t.Errorf("no position became %d", got)
	}
}

package verified

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/policy"
)

func parameters(types ...string) map[string]config.Parameter {
	p := map[string]config.Parameter{}
	for _, s := range types {
		name, typ, _ := strings.Cut(s, " ")
		p[name] = config.Parameter{Type: typ}
		if _, list, ok := strings.Cut(s, ": "); ok {
			p[name] = config.Parameter{Type: "text", Values: strings.Split(list, ", ")}
		}
	}
	return p
}

// shop are queries with every kind of parameter.
var shop = map[string]config.Query{
	"total":      {Questions: []string{"How many orders are there?", "Count the orders."}, SQL: "select count(*) from orders"},
	"of":         {Questions: []string{"How many orders has customer {id}?"}, Parameters: parameters("id int"), SQL: "select count(*) from orders where customer = {id}"},
	"named":      {Questions: []string{"Orders of {name}"}, Parameters: parameters("name text"), SQL: "select * from orders where name = {name}"},
	"above":      {Questions: []string{"Orders above {amount} euros"}, Parameters: parameters("amount number"), SQL: "select * from orders where total > {amount}"},
	"since":      {Questions: []string{"Orders from {first} to {last}"}, Parameters: parameters("first date", "last date"), SQL: "select * from orders where day between {first} and {last}"},
	"in_state":   {Questions: []string{"Which orders are {state}?"}, Parameters: parameters("state one of: open, Closed, on hold"), SQL: "select * from orders where state = {state}"},
	"same_twice": {Questions: []string{"Is {a} the same as {a}"}, Parameters: parameters("a int"), SQL: "select {a} = {a}"},
}

func set(t *testing.T, queries map[string]config.Query) *Set {
	t.Helper()
	s, problems := New(queries)
	for _, p := range problems {
		t.Errorf("%v: %s", p.Field, p.Message)
	}
	return s
}

func TestFind(t *testing.T) {
	s := set(t, shop)
	for _, tt := range []struct{ question, name, sql string }{
		{"How many orders are there?", "total", "select count(*) from orders"},
		{"  how MANY\n\torders   are there ?! ", "total", "select count(*) from orders"},
		{"count the orders", "total", "select count(*) from orders"},
		{"How many orders has customer 7?", "of", "select count(*) from orders where customer = ('7'::pg_catalog.int4)"},
		{"how many orders has customer -7", "of", "select count(*) from orders where customer = ('-7'::pg_catalog.int4)"},
		{"how many orders has customer +3000000000", "of", "select count(*) from orders where customer = ('3000000000'::pg_catalog.int8)"},
		{"Orders of Ann", "named", "select * from orders where name = ('Ann')"},
		{"orders of ann?", "named", "select * from orders where name = ('ann')"},
		{`Orders of "Ann  Lee"`, "named", "select * from orders where name = ('Ann  Lee')"},
		{`Orders of “Ann?”.`, "named", "select * from orders where name = ('Ann?')"},
		{"Orders of O'Hara", "named", "select * from orders where name = ('O''Hara')"},
		{`Orders of "'; drop table orders; --"`, "named", "select * from orders where name = ('''; drop table orders; --')"},
		{"Orders of {name}", "named", "select * from orders where name = ('{name}')"},
		{"Orders above 12.50 euros", "above", "select * from orders where total > ('12.50'::pg_catalog.numeric)"},
		{"Orders from 2025-01-01 to 2025-02-28", "since", "select * from orders where day between ('2025-01-01'::pg_catalog.date) and ('2025-02-28'::pg_catalog.date)"},
		{"Which orders are OPEN?", "in_state", "select * from orders where state = ('open')"},
		{"which orders are closed", "in_state", "select * from orders where state = ('Closed')"},
		{`Which orders are "On  Hold"?`, "in_state", "select * from orders where state = ('on hold')"},
		{"Is 1 the same as 1?", "same_twice", "select ('1'::pg_catalog.int4) = ('1'::pg_catalog.int4)"},

		// What is only nearly asked is not.
		{"How many orders are there today?", "", ""},
		{"How many orders are there? And customers?", "", ""},
		{"Many orders are there", "", ""},
		{"How many orders has customer Ann?", "", ""},
		{"How many orders has customer 7.5?", "", ""},
		{"How many orders has customer 99999999999999999999?", "", ""},
		{"How many orders has customer 9999999999999999999?", "", ""},
		{"How many orders has customer ?", "", ""},
		{"How many orders has customer 7 or 8?", "", ""},
		{"Orders of Ann who live in Rome", "", ""},
		{"Orders of Ann Lee", "", ""},
		{`Orders of "Ann" or "Lee"`, "", ""},
		{`Orders of "Ann`, "", ""},
		{`Orders of ""`, "", ""},
		{"Orders above 12,50 euros", "", ""},
		{"Orders above 1e3 euros", "", ""},
		{"Orders from 2025-02-30 to 2025-03-01", "", ""},
		{"Orders from 0000-01-01 to 2025-03-01", "", ""},
		{"Orders from 1.1.2025 to 2025-03-01", "", ""},
		{"Which orders are shipped?", "", ""},
		{"Which orders are open or closed?", "", ""},
		{"Is 1 the same as 2?", "", ""},
		{"", "", ""},
	} {
		hit, err := s.Find(tt.question)
		if err != nil {
			t.Errorf("%q: %v", tt.question, err)
			continue
		}
		got := Hit{}
		if hit != nil {
			got = *hit
		}
		if d := cmp.Diff(Hit{tt.name, tt.sql}, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", tt.question, d)
		}
	}
	if hit, err := s.Find("Orders of \"\xff\""); err == nil {
		t.Errorf("text that is not UTF-8 became %+v", hit)
	}
	if hit, err := (*Set)(nil).Find("How many orders are there?"); hit != nil || err != nil {
		t.Errorf("no set found %v, %v", hit, err)
	}
}

func TestNewProblems(t *testing.T) {
	for _, tt := range []struct {
		name  string
		query config.Query
		want  []string // field, position and a part of the message
	}{
		{"unknown in a question", config.Query{Questions: []string{"of {id}"}, SQL: "select 1"}, []string{`questions 0 "of {id}": there is no parameter "id"`}},
		{"unknown in the SQL", config.Query{Questions: []string{"of"}, SQL: "select {id}"}, []string{`sql 0 there is no parameter "id"`}},
		{"not asked for", config.Query{Questions: []string{"of {id}", "of all"}, Parameters: parameters("id int"), SQL: "select {id}"}, []string{`questions 0 "of all" does not say {id}`}},
		{"without effect", config.Query{Questions: []string{"of {id}"}, Parameters: parameters("id int"), SQL: "select 1"}, []string{"sql 0 it has no use for {id}"}},
		{"side by side", config.Query{Questions: []string{"of {a}{b}", "or {a}-{b}"}, Parameters: parameters("a int", "b int"), SQL: "select {a}, {b}"},
			[]string{"questions 0 \"of {a}{b}\": {b} and what stands before it", "questions 0 \"or {a}-{b}\": {b} and what"}},
		{"only a parameter", config.Query{Questions: []string{"{a}?"}, Parameters: parameters("a text"), SQL: "select {a}"}, []string{"questions 0 \"{a}?\": it has no words"}},
		{"a brace", config.Query{Questions: []string{"of {A}"}, SQL: "select 1"}, []string{"questions 0 \"of {A}\": braces are for"}},
		{"values alike", config.Query{Questions: []string{"of {a}"}, Parameters: parameters("a one of: Open, open!"), SQL: "select {a}"}, []string{`parameters.a.values 0 the value "open!" cannot be told`}},
		{"grammar", config.Query{Questions: []string{"of"}, SQL: "select 1 frm x y"}, []string{"sql 14 syntax_error: syntax error at or near"}},
		{"two statements", config.Query{Questions: []string{"of"}, SQL: "select 1; drop table orders"}, []string{"sql 10 not_one_statement: there is more than one statement"}},
		{"a value in quotes", config.Query{Questions: []string{"of {a}"}, Parameters: parameters("a text"), SQL: "select '{a}'"}, []string{"sql 0 it has no use for {a}"}},
		{"a name", config.Query{Questions: []string{"of {a}"}, Parameters: parameters("a text"), SQL: "select 1 from {a}"}, []string{"sql 15 syntax_error"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, problems := New(map[string]config.Query{"q": tt.query})
			if len(problems) != len(tt.want) {
				t.Errorf("%d problems, want %d: %v", len(problems), len(tt.want), problems)
			}
			for i, p := range problems[:min(len(problems), len(tt.want))] {
				got := fmt.Sprintf("%s %d %s", strings.Join(p.Field[2:], "."), p.Position, p.Message)
				if !strings.HasPrefix(got, tt.want[i]) || p.Field[0] != "queries" || p.Field[1] != "q" {
					t.Errorf("got  %s\nwant %s…", got, tt.want[i])
				}
			}
			if len(s.queries) != 0 {
				t.Error("it is in the set all the same")
			}
		})
	}
}

// A question that two queries answer is a problem of both, and answered by neither.
func TestOverlap(t *testing.T) {
	s, problems := New(map[string]config.Query{
		"today": {Questions: []string{"Orders of today"}, SQL: "select 1"},
		"named": {Questions: []string{"Orders of {name}"}, Parameters: parameters("name text"), SQL: "select {name}"},
		"id":    {Questions: []string{"orders  of {id}!"}, Parameters: parameters("id int"), SQL: "select {id}"},
	})
	var got []string
	for _, p := range problems {
		got = append(got, p.Field[1]+": "+p.Message)
	}
	want := []string{
		`id: "orders  of {id}!" can ask for the query named too, and then asks for none`,
		`today: "Orders of today" can ask for the query named too, and then asks for none`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for question, want := range map[string]bool{"Orders of today": false, "Orders of 7": false, "Orders of Ann": true} {
		if hit, err := s.Find(question); err != nil || (hit != nil) != want {
			t.Errorf("%s: %v, %v", question, hit, err)
		}
	}
}

func TestCheck(t *testing.T) {
	c := &catalog.Catalog{Database: "shop", ServerVersion: 160000, Schemas: []string{"public"}, Relations: []*catalog.Relation{{
		OID: 20000, RowType: 20001, Schema: "public", Name: "orders", Kind: "table",
		Columns: []catalog.Column{{Name: "id", Number: 1, Type: "integer", TypeOID: 23}, {Name: "email", Number: 2, Type: "text", TypeOID: 25}},
	}}}
	p := policy.Compile(&config.Config{
		Databases: map[string]config.Database{"shop": {Schemas: []string{"public"}}},
		Security: config.Security{
			Blocked: config.Blocked{Columns: []string{"*.email"}},
			Limits:  config.Limits{MaxStatementSize: 1 << 10, MaxTokens: 100},
		},
	}, "shop").Close(c)
	s := set(t, map[string]config.Query{
		"fine":    {Questions: []string{"a {n}"}, Parameters: parameters("n int"), SQL: "select id from orders where id = {n}"},
		"blocked": {Questions: []string{"b {n} {s}"}, Parameters: parameters("n int", "s one of: x, y"), SQL: "select {n}, {s} from orders\nwhere email = {s}"},
		"writes":  {Questions: []string{"c"}, SQL: "delete from orders"},
		"unknown": {Questions: []string{"d"}, SQL: "select idd from orders"},
		"sleeps":  {Questions: []string{"e {n}"}, Parameters: parameters("n int"), SQL: "select pg_sleep({n})"},
	})
	var got []string
	for _, p := range s.Check(p, nil) {
		got = append(got, fmt.Sprintf("%s %d %s", p.Field[1], p.Position, p.Message))
	}
	want := []string{
		"blocked 35 blocked_column: column email of public.orders may not be read, in any part of the statement",
		"sleeps 8 blocked_function: PostgreSQL's own function pg_sleep may not be called: it waits",
		"unknown 8 unknown_column: there is no column idd here",
		"writes 0 not_read_only: only SELECT, VALUES, TABLE and EXPLAIN of those can be run",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// What the policy allows is planned, with every value that is listed.
func TestCheckPlans(t *testing.T) {
	p := policy.Compile(&config.Config{
		Databases: map[string]config.Database{"shop": {}},
		Security:  config.Security{Limits: config.Limits{MaxStatementSize: 1 << 10, MaxTokens: 100}},
	}, "shop").Close(&catalog.Catalog{ServerVersion: 160000})
	s := set(t, map[string]config.Query{
		"states": {Questions: []string{"of {s} {t} {n}"}, Parameters: parameters("s one of: open, paid, late", "t text", "n int"), SQL: "select {s}, {t}, {n}"},
		"never":  {Questions: []string{"never"}, SQL: "delete from orders"},
	})
	var planned []string
	problems := s.Check(p, func(st guard.Statement) error {
		planned = append(planned, st.SQL())
		if strings.Contains(st.SQL(), "paid") {
			return &guard.Refusal{Code: "data_error", Message: "no such state", Position: 9}
		}
		return nil
	})
	want := []string{
		"select ('open'), (NULL), ('1'::pg_catalog.int4)",
		"select ('paid'), (NULL), ('1'::pg_catalog.int4)",
	}
	if d := cmp.Diff(want, planned); d != "" {
		t.Errorf("planned (-want +got):\n%s", d)
	}
	if len(problems) != 2 || problems[1].Message != "data_error: no such state" || problems[1].Position != 8 {
		t.Errorf("problems %v", problems)
	}
}

// Whatever a question holds, the SQL of a hit differs from the template's only
// in its literals, or there is no hit.
func FuzzFind(f *testing.F) {
	s, problems := New(map[string]config.Query{
		"q": {Questions: []string{"of {a} and {b}"}, Parameters: parameters("a text", "b text"), SQL: "select {a}, {b}"},
	})
	if len(problems) > 0 {
		f.Fatal(problems)
	}
	for _, seed := range []string{`of x and y`, `of "'" and '--'`, `of \ and \'`, "of /* and */", "of $$ and U&'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, question string) {
		hit, err := s.Find(question)
		if _, ok := errors.AsType[*guard.Refusal](err); err != nil && !ok {
			t.Fatal(err)
		}
		if hit == nil {
			return
		}
		p := policy.Compile(&config.Config{
			Databases: map[string]config.Database{"d": {}},
			Security:  config.Security{Limits: config.Limits{MaxStatementSize: 1 << 20, MaxTokens: 1 << 20}},
		}, "d").Close(&catalog.Catalog{ServerVersion: 160000})
		st, err := guard.Check(hit.SQL, p)
		if err != nil || len(st.Reads().Functions)+len(st.Reads().Tables) > 0 {
			t.Errorf("%q became %s: %v", question, hit.SQL, err)
		}
	})
}

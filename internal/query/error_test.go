package query

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

func TestErrors(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		db := open(t, s.Open(t, itemsScript))
		for _, c := range []struct {
			sql  string
			want Error
		}{
			{"select nam from items", Error{SQLState: "42703", Code: UnknownColumn, Message: `column "nam" does not exist`, Position: 8, Hint: lookAgain}},
			{"select 'äöü', nam from items", Error{SQLState: "42703", Code: UnknownColumn, Message: `column "nam" does not exist`, Position: 15, Hint: lookAgain}},
			{"select * from itemz", Error{SQLState: "42P01", Code: UnknownTable, Message: `relation "itemz" does not exist`, Position: 15, Hint: lookAgain}},
			{"select name + 1 from items", Error{SQLState: "42883", Code: UnknownFunction, Message: "operator does not exist: text + integer", Position: 13, Hint: "add explicit casts, such as x::text"}},
			{"select name, count(*) from items", Error{SQLState: "42803", Code: Grouping, Message: `column "items.name" must appear in the GROUP BY clause or be used in an aggregate function`, Position: 8, Hint: "add it to GROUP BY, or use it in an aggregate"}},
			{"select a.id from items a, items b where id = 1", Error{SQLState: "42702", Code: AmbiguousColumn, Message: `column reference "id" is ambiguous`, Position: 41, Hint: "put the table's name or alias before it"}},
			{"selec 1", Error{SQLState: "42601", Code: Syntax, Message: `syntax error at or near "selec"`, Position: 1}},
			{"select 1; select 2", Error{SQLState: "42601", Code: Syntax, Message: "the syntax is wrong"}},
			{"select 1/0", Error{SQLState: "22012", Code: DataError, Message: "division by zero", Hint: "divide by nullif(x, 0)"}},
			{"select secret::int from items", Error{SQLState: "22P02", Code: DataError, Message: "a text value does not have the form of the type that it is cast to", Hint: "filter such values out before casting"}},
			{"select secret::date from items", Error{SQLState: "22007", Code: DataError, Message: "a text value is no date or time", Hint: "filter such values out before casting"}},
			{"select (select id from items)", Error{SQLState: "21000", Code: DataError, Message: "a subquery that is used as a value gave more than one row", Hint: "add LIMIT 1 or an aggregate, or use IN"}},
			{"select fails()", Error{SQLState: "P0001", Code: Raised, Message: "a function raised an error"}},
			{"select fails_like_a_typo()", Error{SQLState: "42703", Code: UnknownColumn, Message: "a column does not exist", Hint: lookAgain}},
			{"select writes()", Error{SQLState: "25006", Code: ReadOnly, Message: "the statement would write, and only reading is allowed"}},
			{"set transaction read write", Error{SQLState: "25001", Code: Internal, Message: "PostgreSQL refused the statement with SQLSTATE 25001"}},
		} {
			_, err := run(t.Context(), db, ask(c.sql))
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Errorf("%s: got %v", c.sql, err)
				continue
			}
			if diff := cmp.Diff(c.want, *e); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.sql, diff)
			}
			if all, _ := json.Marshal(e); strings.Contains(string(all), "hidden") {
				t.Errorf("%s: data in %s", c.sql, all)
			}
		}
	})
}

func TestPermissionDeniedNamesNothing(t *testing.T) {
	db := open(t, pgtest.Open(t, itemsScript))
	exec(t, db, `create or replace function as_nobody() returns int language plpgsql security definer as $$ begin perform 1 from items; return 1; end $$`)
	exec(t, db, `alter function as_nobody() owner to pg_monitor`)
	_, err := run(t.Context(), db, ask("select as_nobody()"))
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != PermissionDenied || strings.Contains(e.Message, "items") {
		t.Errorf("got %v", err)
	}
}

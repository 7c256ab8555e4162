package oracle

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// A signature is one function of pg_catalog that may be called.
type signature struct {
	name      string
	kind      string   // pg_proc.prokind; "o" for an ordered-set aggregate
	direct    int      // of an ordered-set aggregate: arguments before WITHIN GROUP
	arguments []string // types
	variadic  bool
	result    string
	out       []string // names of OUT parameters
}

func signatures(t *testing.T, conn *pgx.Conn) []signature {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
		select proname, case when aggkind <> 'n' then 'o' else prokind end::text, coalesce(aggnumdirectargs, 0),
			array(select format_type(t, null) from unnest(proargtypes::oid[]) with ordinality u(t, n) order by n),
			provariadic <> 0, format_type(prorettype, null),
			array(select name from unnest(proargnames, proargmodes) u(name, mode) where mode in ('o', 't'))
		from pg_proc left join pg_aggregate on aggfnoid = pg_proc.oid
		where pronamespace = 'pg_catalog'::regnamespace and pg_proc.oid < 16384
		order by proname, pg_proc.oid`)
	if err != nil {
		t.Fatal(err)
	}
	var all []signature
	var s signature
	_, err = pgx.ForEachRow(rows, []any{&s.name, &s.kind, &s.direct, &s.arguments, &s.variadic, &s.result, &s.out}, func() error {
		if r := policy.RoutineNamed(s.name); r != nil && r.Class.MayBeCalled() {
			all = append(all, s)
		}
		s.arguments, s.out = nil, nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// call writes a call with NULLs of the parameters' types, the polymorphic ones
// taken for a user's.
func (s signature) call() string {
	var args []string
	for i, typ := range s.arguments {
		switch typ {
		case `"any"`, "anyelement", "anynonarray", "anycompatible", "anycompatiblenonarray", "record":
			typ = "clinic.visits"
		case "anyarray", "anycompatiblearray":
			typ = "clinic.visits[]"
		case "anyenum":
			typ = "clinic.species"
		case "anyrange", "anycompatiblerange":
			typ = "int4range"
		case "anymultirange", "anycompatiblemultirange":
			typ = "int4multirange"
		}
		arg := "NULL::" + typ
		if s.variadic && i == len(s.arguments)-1 && strings.HasSuffix(typ, "[]") {
			arg = "VARIADIC " + arg
		}
		args = append(args, arg)
	}
	name := ident(s.name)
	switch s.kind {
	case "o":
		return fmt.Sprintf("%s(%s) WITHIN GROUP (ORDER BY %s)", name, strings.Join(args[:s.direct], ", "), strings.Join(args[s.direct:], ", "))
	case "w":
		return name + "(" + strings.Join(args, ", ") + ") OVER ()"
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

// TestResults finds the functions that PostgreSQL returns a user's type from. The
// guard must know: comparing such a value with a text would run a function that is
// not allowed.
func TestResults(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		conn := open(t, s)
		p := policyOf(t, conn)
		if _, err := conn.Exec(t.Context(), "set search_path = "+strings.Join(p.SearchPath, ", ")); err != nil {
			t.Fatal(err)
		}
		var row, rows uint32
		if err := conn.QueryRow(t.Context(), "select 'visits'::regtype::oid, 'visits[]'::regtype::oid").Scan(&row, &rows); err != nil {
			t.Fatal(err)
		}
		found, taken := 0, 0
		for _, f := range signatures(t, conn) {
			described, err := conn.Prepare(t.Context(), "", "SELECT "+f.call())
			if err != nil {
				continue // not for such a type
			}
			value := f.call()
			switch described.Fields[0].DataTypeOID {
			case row:
			case rows:
				value = "(" + value + ")[1]"
			default:
				continue
			}
			found++
			if _, err := guard.Check("SELECT "+f.call(), p); err == nil {
				taken++
			}
			sql := "SELECT " + value + " = NULL::text"
			if _, err := conn.Prepare(t.Context(), "", sql); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
			if _, err := guard.Check(sql, p); err == nil {
				t.Errorf("PostgreSQL calls a function that is not allowed, the guard allows: %s", sql)
			}
		}
		t.Logf("%d functions return a user's type, of which %d can be called so", found, taken)
		if taken < 20 {
			t.Errorf("only %d functions return a user's type and can be called so", taken)
		}
	})
}

// TestOutColumns calls in FROM what returns rows: each of its columns can be named,
// and no other.
func TestOutColumns(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		conn := open(t, s)
		p := policyOf(t, conn)
		compared := 0
		for _, f := range signatures(t, conn) {
			if len(f.out) == 0 || f.name == "pg_input_error_info" { // which wants a constant
				continue
			}
			compared++
			for _, name := range append(slices.Clone(f.out), "nothing") {
				sql := fmt.Sprintf("SELECT f.%s FROM %s f", ident(name), f.call())
				if len(f.out) == 1 { // an alias would name the column
					sql = fmt.Sprintf("SELECT %s FROM %s", ident(name), f.call())
				}
				_, unknown := conn.Prepare(t.Context(), "", sql)
				_, refused := guard.Check(sql, p)
				if (unknown == nil) != (refused == nil) {
					t.Errorf("%s\nPostgreSQL: %v\nguard: %v", sql, unknown, refused)
				}
			}
		}
		t.Logf("%d functions with OUT parameters", compared)
		if compared < 12 {
			t.Errorf("only %d functions with OUT parameters", compared)
		}
	})
}

// TestTypesAreDecided shows that the guard has a verdict on each type of
// pg_catalog, so that no user's type is taken for it.
func TestTypesAreDecided(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		conn := open(t, s)
		p := policyOf(t, conn)
		rows, err := conn.Query(t.Context(), "select typname from pg_type where typnamespace = 'pg_catalog'::regnamespace and oid < 16384 and typname not like E'\\\\_%'")
		if err != nil {
			t.Fatal(err)
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(names) < 150 {
			t.Fatal(len(names), err)
		}
		for _, name := range names {
			_, err := guard.Check(`SELECT NULL::"`+name+`"`, p)
			if refusal, ok := err.(*guard.Refusal); ok && refusal.Code != guard.BlockedType {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

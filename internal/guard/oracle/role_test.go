package oracle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/policy"
)

const (
	permissionDenied = "42501"
	randomStatements = 3000 // of each seed
)

// TestRole compares the guard with PostgreSQL's own privileges. A role is granted
// what the policy allows, column by column, and plans random statements: what it
// is denied, the guard must refuse.
func TestRole(t *testing.T) {
	admin := open(t, func(script string) string { return pgtest.Open(t, script) })
	p := policyOf(t, admin)
	conn := connectAsReader(t, admin, p)
	types := map[protoreflect.Name]bool{}
	for _, seed := range []uint64{1, 2, 3} {
		g := newGenerator(seed, p.Catalog)
		var denied, allowed, passed, invalid, missed int
		for range randomStatements {
			sql := g.statement()
			tree, err := pg_query.Parse(sql)
			if err != nil {
				t.Fatalf("the generator writes what does not parse: %s: %v", sql, err)
			}
			_, refused := guard.Check(sql, p)
			switch code := plan(t, conn, sql); {
			case code == permissionDenied:
				denied++
				if refused == nil {
					missed++
					t.Errorf("PostgreSQL denies, the guard allows: %s", sql)
				}
			case code != "":
				invalid++
				continue
			default:
				allowed++
				if refused == nil {
					passed++
				}
			}
			nodeTypes(tree.ProtoReflect(), types)
		}
		t.Logf("seed %d: %d denied (%d missed), %d allowed (%d of them by the guard too), %d not valid", seed, denied, missed, allowed, passed, invalid)
		if 100*denied < 30*(denied+allowed) || allowed == 0 {
			t.Errorf("seed %d: too few statements of one kind: %d denied, %d allowed", seed, denied, allowed)
		}
	}
	t.Logf("%d node types", len(types))
}

// connectAsReader makes a role that may read what the policy allows, and connects as it.
func connectAsReader(t *testing.T, admin *pgx.Conn, p *policy.Policy) *pgx.Conn {
	t.Helper()
	role := fmt.Sprintf("guard_reader_%d", admin.PgConn().PID())
	grants := []string{"create role " + role, "alter default privileges revoke execute on routines from public"}
	t.Cleanup(func() {
		if _, err := admin.Exec(context.Background(), "reset role; drop owned by "+role+"; drop role "+role); err != nil {
			t.Error(err)
		}
	})
	for _, schema := range p.SearchPath {
		grants = append(grants, "grant usage on schema "+schema+" to "+role)
	}
	for _, r := range p.Catalog.Relations {
		var columns []string
		for _, c := range p.Columns(r) {
			columns = append(columns, ident(c.Name))
		}
		on := " on " + r.Schema + "." + ident(r.Name) + " to " + role
		switch {
		case len(columns) == len(r.Columns) && r.Kind != catalog.Sequence, p.Only(r) && !p.Relation(r):
			grants = append(grants, "grant select"+on)
		case len(columns) > 0:
			grants = append(grants, "grant select ("+strings.Join(columns, ", ")+")"+on)
		}
	}
	for _, f := range p.Catalog.Functions {
		routine := fmt.Sprintf(" on routine %s.%s(%s) ", f.Schema, f.Name, f.Arguments)
		grants = append(grants, "revoke execute"+routine+"from public")
		if p.Function(f) {
			grants = append(grants, "grant execute"+routine+"to "+role)
		}
	}
	grants = append(grants, "set search_path = "+strings.Join(p.SearchPath, ", "), "set role "+role)
	for _, sql := range grants {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	return admin
}

// plan is the SQLSTATE that planning a statement ends with, or empty. The
// executor checks privileges when it starts, which EXPLAIN does.
func plan(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	_, err := conn.Exec(t.Context(), "EXPLAIN "+strings.TrimPrefix(sql, "EXPLAIN "))
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	t.Fatal(err)
	return ""
}

func nodeTypes(m protoreflect.Message, types map[protoreflect.Name]bool) {
	types[m.Descriptor().Name()] = true
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.Kind() != protoreflect.MessageKind:
		case field.IsList():
			for i := range v.List().Len() {
				nodeTypes(v.List().Get(i).Message(), types)
			}
		default:
			nodeTypes(v.Message(), types)
		}
		return true
	})
}

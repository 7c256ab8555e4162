package oracle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// TestRefusedStatementsDoHarm shows of each refused case why it has to be refused.
// Either the policy's role is denied it, or PostgreSQL itself does not understand
// it, or a superuser sees that it does harm, or it is one of the cautions below.
func TestRefusedStatementsDoHarm(t *testing.T) {
	s := pgtest.Any(t)
	url := openURL(t, s)
	admin := connect(t, url)
	if _, err := admin.Exec(t.Context(), markedRows); err != nil {
		t.Fatal(err)
	}
	p := policyOf(t, admin)
	conn := asRole(t, url, makeRole(t, admin, p), p)
	reasons, used := map[string]int{}, map[string]bool{}
	for _, sql := range refusedCases(t) {
		_, err := guard.Check(sql, p)
		refusal, ok := errors.AsType[*guard.Refusal](err)
		if !ok {
			t.Errorf("not refused: %s", sql)
			continue
		}
		why := tooHarmful(refusal)
		if why == "" {
			why = denied(t, conn, sql)
		}
		if why == "" {
			why = harm(t, url, strings.Join(p.SearchPath, ", "), sql)
		}
		if why == "" {
			why = caution(refusal)
			used[why] = true
		}
		if why == "" {
			t.Errorf("nothing shows why this is refused: %s\n%s: %s", sql, refusal.Code, refusal.Message)
		}
		reasons[why]++
	}
	for _, why := range slices.SortedFunc(maps.Keys(reasons), func(a, b string) int { return reasons[b] - reasons[a] }) {
		t.Logf("%5d %s", reasons[why], why)
	}
	for _, c := range cautions {
		if !used[c.why] {
			t.Errorf("no case needs the caution %q", c.why)
		}
	}
}

// markedRows gives what is blocked values that can be told from all others.
const markedRows = `
insert into clinic.owners (id, name, iban, pin_hash, since) values (1, 'Ann', 'blocked-iban', 'blocked-hash', '2020-01-01');
insert into clinic.pets (id, owner_id, name, kind) values (1, 1, 'Tom', 'cat');
insert into clinic.staff (id, name, role, salary) values (1, 'Eve', 'vet', 987654);
insert into clinic.log_private (id, what) values (1, 'blocked-log');
insert into clinic.cards (id, number, expires) values (1, 'blocked-card', '2030-01-01');
insert into vault.keys values (1, 'blocked-key');
refresh materialized view report.ibans`

// tooHarmful is the reason of what is not run here: no server can stop it, or it
// ends the server.
func tooHarmful(r *guard.Refusal) string {
	if r.Code == guard.TooLong || r.Code == guard.NotSupported && unstoppable.MatchString(r.Message) {
		return "takes what it wants of memory or time, or crashes the server"
	}
	return ""
}

var unstoppable = regexp.MustCompile(`would make|would keep|of what|could not be stopped|how much|how long|RETURNING of JSON`)

// denied is why the policy's role cannot run a statement, or empty if it can.
func denied(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if start := queryStart.FindStringIndex(sql); start != nil && start[0] == 0 {
		sql = "EXPLAIN " + sql // the executor checks privileges when it starts
	}
	_, err = tx.Exec(t.Context(), sql, pgx.QueryExecModeExec)
	e, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case err == nil:
		return ""
	case ok && e.Code == permissionDenied:
		return "denied to the role of the policy"
	case ok:
		return "not valid for PostgreSQL"
	}
	t.Fatalf("%s: %v", sql, err)
	return ""
}

// harm is what a superuser sees a statement do that no policy allows, or empty.
func harm(t *testing.T, url, searchPath, sql string) string {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "set statement_timeout = '2s'; set search_path = "+searchPath); err != nil {
		t.Fatal(err)
	}
	before := session(t, conn)
	r := conn.PgConn().ExecParams(t.Context(), sql, nil, nil, nil, nil).Read()
	e, ok := errors.AsType[*pgconn.PgError](r.Err)
	switch {
	case conn.IsClosed():
		return "ends the session"
	case ok && e.Code == "57014":
		return "takes time"
	case ok:
		return "not valid for PostgreSQL"
	case !r.CommandTag.Select() && !strings.HasPrefix(sql, "EXPLAIN"):
		return "is a command"
	case !cmp.Equal(before, session(t, conn)):
		return "changes the session or the database"
	}
	for _, row := range r.Rows {
		for _, value := range row {
			if blockedText.Match(value) {
				return "shows what is blocked"
			}
			if strings.HasPrefix(sql, "EXPLAIN") && regexp.MustCompile(`actual time|Buffers|iban|pin_hash|salary|log_private`).Match(value) {
				return "runs the statement, or shows names of what is blocked"
			}
		}
	}
	return ""
}

var blockedText = regexp.MustCompile(`blocked-|987654`)

// session is what a statement can change of one, and of the database.
func session(t *testing.T, conn *pgx.Conn) map[string]any {
	t.Helper()
	if conn.PgConn().TxStatus() == 'E' {
		return nil
	}
	var s map[string]any
	err := conn.QueryRow(t.Context(), `
select jsonb_build_object(
	'settings', (select jsonb_object_agg(name, setting) from pg_settings),
	'locks', (select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'),
	'transactions', txid_current_if_assigned(),
	'sequences', (select jsonb_agg(last_value) from pg_sequences),
	'relations', (select count(*) from pg_class where oid >= 16384),
	'large objects', (select count(*) from pg_largeobject_metadata))`, pgx.QueryExecModeExec).Scan(&s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// cautions are rules that go beyond what a statement can be seen to do here.
var cautions = []struct {
	code    guard.Code
	message string // a regular expression
	why     string
}{
	{guard.BlockedSchema, "", "the catalogs name what is blocked, and hold statistics of it"},
	{guard.BlockedFunction, "PostgreSQL's own", "is for the server, the session or the catalogs, or not reviewed"},
	{guard.NotSupported, "is not an attribute", "calls a function that no call can be seen of"},
	{guard.UnknownColumn, "has no (column|attribute)", "calls a function that no call can be seen of"},
	{guard.BlockedType, "type (reg.*|aclitem|cstring|record|any.*|pg_.*) may", "looks names up in the catalogs, or is PostgreSQL's own"},
	{guard.BlockedType, "", "makes a value of a type that runs code, or names what is blocked"},
	{guard.UnknownFunction, "", "makes a value of a type that runs code, or names what is blocked"},
	{guard.NotSupported, "makes up|NATURAL", "a name that PostgreSQL makes up, which another version could make otherwise"},
	{guard.NotSupported, "pg_input", "makes a value of a type that runs code, or names what is blocked"},
	{guard.NotSupported, "XML entities", "an XML document can fetch files"},
	{guard.BlockedFunction, "returns rows", "a function that returns what is blocked"},
	{guard.BlockedColumn, "", "a function that returns what is blocked"},
	{guard.ExplainNotAllowed, "", "shows the server's settings, or what a function reads"},
	{guard.NotReadOnly, "", "explains a command"},
	{guard.BlockedTable, "", "what a WITH query reads that nobody refers to"},
}

func caution(r *guard.Refusal) string {
	for _, c := range cautions {
		if c.code == r.Code && regexp.MustCompile(c.message).MatchString(r.Message) {
			return c.why
		}
	}
	return ""
}

// refusedCases are the statements of the guard's refused cases.
func refusedCases(t *testing.T) []string {
	t.Helper()
	all := statements(t, filepath.Join("..", "testdata", "refused", "*.txt"))
	for i, sql := range all {
		if strings.HasPrefix(sql, `\"`) {
			if _, err := fmt.Sscanf(sql[1:], "%q", &all[i]); err != nil {
				t.Fatal(err)
			}
		}
		all[i] = strings.TrimSuffix(all[i], "\n")
	}
	return all
}

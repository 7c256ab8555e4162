package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// oldest and newest are the releases of PostgreSQL that are served. What the
// guard knows of functions and of names is known of these.
const oldest, newest = 15, 18

// Unfit is the error of a connection that must not be used: its server or its role
// is not one that pgmcp can hold to the policy.
type Unfit struct {
	Problem string // such as "its role is a superuser"
	Role    bool   // it is the role: another one would do
}

func (e *Unfit) Error() string { return e.Problem }

// remembered is how long a refusal is taken for the next one's, without connecting
// again: whoever keeps asking must not keep the server busy.
const remembered = time.Second

// A gate looks at every new connection to one database before it is used. A role
// can be altered, and behind one address there can be several servers.
type gate struct {
	allowPrivileged bool

	mu      sync.Mutex
	refusal error // of the newest connection
	at      time.Time
	seen    attestation // of the newest connection that was let in
}

// An attestation is what a connection says of itself.
type attestation struct {
	powers  []power
	standby bool // the server only replays what another one writes
}

// A power is what a role may do anywhere, whatever it was granted.
type power struct {
	what    string // such as "is a superuser"
	refused bool   // it goes around every policy
	manages bool   // it is for managing a server
}

// early is asked before a connection is made.
func (g *gate) early(context.Context, *pgx.ConnConfig) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refusal != nil && time.Since(g.at) < remembered {
		return g.refusal
	}
	return nil
}

// settle gives a new connection the text settings, and lets it in or not.
func (g *gate) settle(ctx context.Context, c *pgx.Conn) error {
	a, err := attest(ctx, c.PgConn(), g.allowPrivileged)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refusal, g.at = nil, time.Now()
	if _, unfit := err.(*Unfit); unfit {
		g.refusal = err
	}
	if err == nil {
		g.seen = a
	}
	return err
}

// newest is what the newest connection that was let in said of itself.
func (g *gate) newest() attestation {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen
}

// settleSQL makes the text settings, and for what comes with it a search path on
// which no operator of a user stands.
func settleSQL() string {
	sql := pinned
	for _, s := range textSettings {
		sql += fmt.Sprintf(", pg_catalog.set_config('%s', '%s', false)", s.name, s.value)
	}
	return sql
}

// attestSQL asks for the server, and for the powers of the role that logged in
// and of every role that it could become. Those of PostgreSQL's own groups are
// their names, but for a group in another one of them.
const attestSQL = `
select current_setting('server_version_num'), current_setting('server_encoding'), pg_is_in_recovery(), array_to_string(array(
	select distinct power
	from pg_roles r, lateral (values
		('superuser', rolsuper), ('bypassrls', rolbypassrls), ('replication', rolreplication),
		('createrole', rolcreaterole), ('createdb', rolcreatedb), (rolname, oid < 16384 and left(rolname, 3) = 'pg_' and not exists (
			select from pg_auth_members m where m.roleid = r.oid and m.member < 16384 and pg_has_role(session_user, m.member, 'member')))) p(power, has)
	where has and (rolname = current_user or pg_has_role(session_user, oid, 'member'))
	order by power
), ' ')`

// attest gives a connection the text settings, looks who and where it is, all in
// one round trip, and says whether it can be used. Its error is an *[Unfit] if not.
func attest(ctx context.Context, raw *pgconn.PgConn, allowPrivileged bool) (attestation, error) {
	batch := &pgconn.Batch{}
	batch.ExecParams(settleSQL(), nil, nil, nil, nil)
	batch.ExecParams(attestSQL, nil, nil, nil, nil)
	results, err := raw.ExecBatch(ctx, batch).ReadAll()
	if err != nil {
		return attestation{}, fmt.Errorf("settle connection: %w", err)
	}
	for _, s := range textSettings {
		if got := raw.ParameterStatus(s.name); got != s.value {
			return attestation{}, &Unfit{Problem: fmt.Sprintf("its %s stays %q", s.name, got)}
		}
	}
	row := results[len(results)-1].Rows[0]
	return judge(string(row[0]), string(row[1]), string(row[2]) == "t", strings.Fields(string(row[3])), allowPrivileged)
}

// judge says whether a server of this server_version_num and encoding, and a role
// with these powers, can be used.
func judge(version, encoding string, standby bool, powers []string, allowPrivileged bool) (attestation, error) {
	number, _ := strconv.Atoi(version)
	if major := number / 10000; major < oldest || major > newest {
		return attestation{}, &Unfit{Problem: fmt.Sprintf("it is PostgreSQL %d, and pgmcp serves %d to %d", major, oldest, newest)}
	}
	if encoding != "UTF8" {
		return attestation{}, &Unfit{Problem: fmt.Sprintf("its encoding is %s, and pgmcp serves UTF8", encoding)}
	}
	a := attestation{standby: standby, powers: powersOf(powers)}
	for _, p := range a.powers {
		if p.refused && !allowPrivileged {
			return attestation{}, &Unfit{Problem: "its role " + p.what, Role: true}
		}
	}
	return a, nil
}

// powersOf puts powers in words, the worst first. A superuser has them all.
func powersOf(names []string) []power {
	worst := []struct{ name, what string }{
		{"superuser", "is a superuser, or can become one"},
		{"bypassrls", "goes around row-level security"},
		{"replication", "may replicate, which copies everything"},
		{"pg_execute_server_program", "may run programs on the server"},
		{"pg_write_server_files", "may write files of the server"},
		{"pg_read_server_files", "may read files of the server"},
	}
	var powers []power
	has := map[string]bool{}
	for _, name := range names {
		has[name] = true
	}
	for _, w := range worst {
		if has[w.name] {
			powers = append(powers, power{what: w.what, refused: true, manages: true})
		}
		if w.name == "superuser" && has[w.name] {
			return powers
		}
		delete(has, w.name)
	}
	for _, name := range names {
		switch {
		case !has[name]:
		case name == "createrole":
			powers = append(powers, power{what: "may make roles", manages: true})
		case name == "createdb":
			powers = append(powers, power{what: "may make databases", manages: true})
		default:
			powers = append(powers, power{what: "is a member of " + name})
		}
	}
	return powers
}

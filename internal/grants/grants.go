// Package grants writes a policy down as privileges of a PostgreSQL role: the
// second wall, which stands when the guard is wrong. It prints SQL for an
// administrator to run; it connects to nothing and runs nothing.
package grants

import (
	_ "embed" // the parts that are the same for every policy
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// These parts say what they are themselves. They find the names of the role and
// of the database in settings, so that no name can end their quotes.
var (
	//go:embed role.sql
	roleSQL string
	//go:embed privileges.sql
	privilegesSQL string
	//go:embed revoke.sql
	revokeSQL string
	//go:embed public.sql
	publicSQL string
)

// SQL is a script that gives a role what the policy allows, in the policy's
// database, and takes from it everything else. The role is made if there is none;
// it never gets a password. The script is one transaction in plain SQL, for psql
// or any driver; it can be run again and then changes nothing, unless the policy
// or the database has changed. Equal policies give equal scripts.
//
// A superuser can run it, or the owner of all that is in the database who may
// make roles. It refuses to turn a superuser, an owner or its runner into the
// role. Parents of blocked children are granted as [policy.Policy.Only] allows
// them, because PostgreSQL has no privilege on FROM ONLY.
func SQL(p *policy.Policy, role string) string {
	w := &writer{p: p, role: catalog.Quote(cut(role)), database: catalog.Quote(p.Catalog.Database)}
	w.head(cut(role))
	w.part(roleSQL)
	w.part(privilegesSQL)
	w.part(revokeSQL)
	w.grants()
	w.settings()
	w.everybody()
	w.line("drop view pg_temp.pgmcp_privileges;")
	w.line("commit;")
	return w.String()
}

// A writer writes the script. Names in it are quoted.
type writer struct {
	strings.Builder
	p              *policy.Policy
	role, database string
}

func (w *writer) line(format string, a ...any) { fmt.Fprintf(w, format+"\n", a...) }

func (w *writer) part(text string) { w.line("\n%s", strings.TrimSpace(text)) }

// head is what a person reads first, and what the other parts go by.
func (w *writer) head(role string) {
	w.line(`-- What role %s may do in database %s: what pgmcp's policy for
-- its database %[3]s allows, and nothing else.
--
-- Run it in that database as a superuser, or as the owner of everything in it. It
-- happens as a whole or not at all, and can be run again at any time: what is no
-- longer allowed is taken away. Run it again when the policy changes or tables do:
-- what is new cannot be read until then.
--
-- The last part takes from everybody what PostgreSQL cannot deny to one role.
begin;
set local client_encoding = 'UTF8';
set local search_path = pg_catalog, pg_temp;
set local pgmcp.database = %[4]s;
set local pgmcp.role = %s;`,
		printed(role), printed(w.p.Catalog.Database), printed(w.p.Database), literal(w.p.Catalog.Database), literal(role))
	w.line("set local pgmcp.connections = %d; -- of the role in the whole server", connectionLimit(w.p.Connections))
}

// connectionLimit is how many connections the role may have at a time, or -1 for
// any number: the pools of an old and of a new pgmcp while one takes over from the
// other, and a few commands of a person.
func connectionLimit(pooled int) int {
	const commands = 4
	if pooled == 0 {
		return -1
	}
	return 2*pooled + commands
}

// grants are the privileges that the policy comes to.
func (w *writer) grants() {
	p := w.p
	w.line("\n-- What it may connect to, and the schemas in which it may look for names.")
	w.line("grant connect on database %s to %s;", w.database, w.role)
	for _, schema := range p.Catalog.Schemas {
		if w.opens(schema) {
			w.line("grant usage on schema %s to %s;", catalog.Quote(schema), w.role)
		}
	}
	w.line("\n-- Tables and views, column by column where one of them is blocked.")
	for _, r := range p.Catalog.Relations {
		w.relation(r)
	}
	w.line("\n-- Functions that the policy allows.")
	for _, f := range p.Catalog.Functions {
		if p.Function(f) {
			w.line("grant execute on routine %s(%s) to %s;", f.Quoted(), arguments(f), w.role)
		}
	}
}

// opens reports whether the role looks for anything in a schema: what can be read
// there, or a function or operator that may be used.
func (w *writer) opens(schema string) bool {
	if w.p.Schema(schema) == policy.Allowed {
		return true
	}
	for _, f := range w.p.Catalog.Functions {
		if f.Schema == schema && w.p.Function(f) {
			return true
		}
	}
	for _, o := range w.p.Catalog.Operators {
		if o.Schema == schema && w.p.Schema(schema) != policy.BlockedSchema && w.p.Operator(o) {
			return true
		}
	}
	return false
}

// relation grants a table or view, or says in a comment why it does not.
func (w *writer) relation(r *catalog.Relation) {
	switch w.p.Verdict(r) {
	case policy.BlockedTable, policy.BlockedView:
		if w.p.Schema(r.Schema) == policy.Allowed {
			w.line("-- not granted: %s, %s", printed(r.Quoted()), why(w.p.Verdict(r)))
		}
		return
	case policy.BlockedChild:
		w.line("-- Something below %s is blocked. pgmcp reads it by FROM ONLY; PostgreSQL has no\n-- privilege for that, so what stands below can be read through it by this role:",
			printed(r.Quoted()))
	}
	if !w.p.Only(r) {
		return
	}
	var columns []string
	for i := range r.Columns {
		if w.p.OnlyColumn(r, &r.Columns[i]) {
			columns = append(columns, catalog.Quote(r.Columns[i].Name))
		}
	}
	switch {
	case len(columns) == len(r.Columns):
		w.line("grant select on table %s to %s;", r.Quoted(), w.role)
	case len(columns) > 0:
		w.line("grant select (%s) on table %s to %s;", strings.Join(columns, ", "), r.Quoted(), w.role)
	}
}

func why(v policy.Verdict) string {
	if v == policy.BlockedView {
		return "it reads something blocked"
	}
	return "blocked"
}

// settings are what the role's sessions in this database begin with. pgmcp sets
// most of them itself, for each statement; they bind whoever else has the role.
func (w *writer) settings() {
	const alter = "alter role %s in database %s "
	set := func(name, value string) { w.line(alter+"set %s = %s;", w.role, w.database, name, value) }
	w.line("\n-- What its sessions in this database begin with.")
	w.line(alter+"reset all;", w.role, w.database)
	set("default_transaction_read_only", "on")
	if timeout := w.p.Limits.StatementTimeout; timeout > 0 {
		set("statement_timeout", fmt.Sprintf("'%dms'", timeout/time.Millisecond))
	}
	set("lock_timeout", "'2s'")
	set("idle_in_transaction_session_timeout", "'1min'")
	set("standard_conforming_strings", "on")
	set("client_encoding", "'UTF8'")
	path := "''"
	if len(w.p.SearchPath) > 0 {
		path = strings.Join(catalog.QuoteAll(w.p.SearchPath), ", ")
	}
	set("search_path", path)
	w.line(`do $$
begin
	-- Only a superuser may set these.
	if (select rolsuper from pg_roles where rolname = current_user) then
		execute format('alter role %%I in database %%I set temp_file_limit = ''1GB''', current_setting('pgmcp.role'), current_database());
		execute format('alter role %%I in database %%I set lo_compat_privileges = off', current_setting('pgmcp.role'), current_database());
	end if;
end
$$;`)
}

// everybody takes from PUBLIC what the role was not granted.
func (w *writer) everybody() {
	w.line(`
-- ---------------------------------------------------------------------------
-- FOR EVERYBODY, not for this role alone.
--
-- What PUBLIC may do every role may do, and PostgreSQL cannot deny it to one of
-- them. So whatever was not granted above is taken from PUBLIC: to call functions,
-- also those made later, to make temporary tables, and what else somebody granted.
--
-- Every role that owns something in this database, or was granted anything in it,
-- gets what PUBLIC loses by its own name, so that nothing stops working. Other
-- roles, and those that are made later, need grants of their own.
-- ---------------------------------------------------------------------------`)
	w.line("%s\n", strings.TrimSpace(publicSQL))
}

// arguments are a function's as GRANT wants them: those that an ordered-set
// aggregate sorts by are like the others there. A variadic one that is both kinds
// is printed twice.
func arguments(f *catalog.Function) string {
	direct, sorted, ordered := strings.Cut(f.Arguments, "ORDER BY ")
	direct = strings.TrimSuffix(direct, " ")
	switch {
	case f.Kind != "aggregate" || !ordered:
		return f.Arguments
	case direct == "":
		return sorted
	case strings.HasPrefix(sorted, "VARIADIC ") && strings.HasSuffix(direct, sorted):
		return direct
	}
	return direct + ", " + sorted
}

// literal is a text in quotes, whatever standard_conforming_strings is.
func literal(text string) string {
	text = strings.ReplaceAll(text, "'", "''")
	if strings.Contains(text, `\`) {
		return "E'" + strings.ReplaceAll(text, `\`, `\\`) + "'"
	}
	return "'" + text + "'"
}

// printed is a name for a comment, which a line end in it must not end.
func printed(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, name)
}

// cut shortens a name as PostgreSQL does, to 63 bytes.
func cut(name string) string {
	const most = 63
	if len(name) <= most {
		return name
	}
	end := most
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}

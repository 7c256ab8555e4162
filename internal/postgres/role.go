package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// A Role is what the role that pgmcp connects as could do if the guard were not
// there, beyond what the policy allows. It counts and names nothing: what is
// blocked must not be told.
type Role struct {
	Name      string
	Powers    []string // such as "is a member of pg_monitor"
	Owned     int      // tables, views, sequences, functions, schemas, and the database itself
	Writable  int      // tables, views and sequences
	Creatable int      // schemas that it may make things in, and the database
	Temporary bool     // it may make temporary tables
	Readable  int      // columns that the policy closes
	Callable  int      // functions that the policy does not allow

	privileged bool // it goes around every policy
	manages    bool // it is for managing a server
}

// Warnings say in a few words each what the role should not be able to do.
func (r *Role) Warnings() []string {
	warnings := slices.Clone(r.Powers)
	if r.privileged { // and may do everything below
		return warnings
	}
	add := func(n int, format, one, many string) {
		if n == 1 {
			many = one
		}
		if n > 0 {
			warnings = append(warnings, fmt.Sprintf(format, fmt.Sprintf("%d %s", n, many)))
		}
	}
	add(r.Owned, "owns %s", "object", "objects")
	add(r.Writable, "may write to %s", "table", "tables")
	add(r.Creatable, "may make things in %s", "schema", "schemas")
	add(r.Readable, "may read %s that the policy closes", "column", "columns")
	add(r.Callable, "may call %s that the policy does not allow", "function", "functions")
	if r.Temporary {
		warnings = append(warnings, "may make temporary tables")
	}
	return warnings
}

// Reader reports whether the role is there to read: it manages, owns and writes
// nothing, so that no work stops when all it can do is read.
func (r *Role) Reader() bool { return !r.manages && r.Owned == 0 && r.Writable == 0 }

// roleSQL counts for the role that it could be at most. $1 and $2 are the columns
// that the policy closes, $3 the functions that it does not allow. What has been
// dropped meanwhile has no privileges.
const roleSQL = `
select current_user,
	(select count(*) from pg_class where oid >= 16384 and relkind in ('r', 'p', 'v', 'm', 'f', 'S') and pg_has_role(relowner, 'member'))
		+ (select count(*) from pg_proc where oid >= 16384 and pg_has_role(proowner, 'member'))
		+ (select count(*) from pg_namespace where (oid >= 16384 or nspname = 'public') and nspname !~ '^pg_' and pg_has_role(nspowner, 'member'))
		+ (select count(*) from pg_database where datname = current_database() and pg_has_role(datdba, 'member')),
	(select count(*) from pg_class where oid >= 16384 and relpersistence <> 't' and case
		when relkind in ('r', 'p', 'v', 'f') then has_table_privilege(oid, 'insert, update, delete, truncate') or has_any_column_privilege(oid, 'insert, update')
		when relkind = 'S' then has_sequence_privilege(oid, 'usage, update') end),
	(select count(*) from pg_namespace where (oid >= 16384 or nspname = 'public') and nspname !~ '^pg_' and has_schema_privilege(oid, 'create'))
		+ has_database_privilege(current_database(), 'create')::int,
	has_database_privilege(current_database(), 'temporary'),
	(select count(*) from unnest($1::oid[], $2::int2[]) closed(relation, number) join pg_class c on c.oid = relation
		where has_schema_privilege(relnamespace, 'usage') and has_column_privilege(relation, number, 'select')),
	(select count(*) from unnest($3::oid[]) closed(routine) join pg_proc p on p.oid = routine
		where has_schema_privilege(pronamespace, 'usage') and has_function_privilege(routine, 'execute')
			and prorettype not in ('trigger'::regtype, 'event_trigger'::regtype))`

// loadRole finds out what the role of c can do beyond a policy.
func loadRole(ctx context.Context, c *pgxpool.Conn, p *policy.Policy, a attestation) (*Role, error) {
	r := &Role{}
	for _, power := range a.powers {
		r.Powers = append(r.Powers, power.what)
		r.privileged = r.privileged || power.refused
		r.manages = r.manages || power.manages
	}
	relations, numbers := closedColumns(p)
	tx, err := c.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, pinned); err != nil {
		return nil, err
	}
	err = tx.QueryRow(ctx, roleSQL, relations, numbers, closedFunctions(p)).
		Scan(&r.Name, &r.Owned, &r.Writable, &r.Creatable, &r.Temporary, &r.Readable, &r.Callable)
	return r, err
}

// closedColumns are the columns that no statement may mention, by the OIDs of
// their relations and their numbers.
func closedColumns(p *policy.Policy) (relations []uint32, numbers []int16) {
	for _, r := range p.Catalog.Relations {
		for i := range r.Columns {
			if r.Kind != catalog.Sequence && !p.OnlyColumn(r, &r.Columns[i]) {
				relations, numbers = append(relations, r.OID), append(numbers, r.Columns[i].Number)
			}
		}
	}
	return relations, numbers
}

func closedFunctions(p *policy.Policy) (routines []uint32) {
	for _, f := range p.Catalog.Functions {
		if !p.Function(f) {
			routines = append(routines, f.OID)
		}
	}
	return routines
}

package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Types are the types of a database by OID. The description of a result names
// types by these numbers alone.
type Types map[uint32]Type

// A Type is what it takes to name a type and to read its values.
type Type struct {
	OID     uint32
	Name    string // such as "int8", "text[]", "public.mood"
	Base    uint32 // domains: OID of the type below; else 0
	Element uint32 // arrays: OID of the elements' type; else 0
	// Delimiter stands between values of this type in the text of an array.
	Delimiter byte
}

// pinned makes the search path one on which no operator of a user stands, until
// the transaction ends.
const pinned = "select pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true)"

// loadTypes leaves out the rows of PostgreSQL's own relations, and only them. It
// reads as catalog.Load does: with the path pinned, or an operator that somebody
// put into a schema of it would run with this role's rights.
func loadTypes(ctx context.Context, c *pgxpool.Conn) (Types, error) {
	tx, err := c.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, pinned); err != nil {
		return nil, err
	}
	const query = `
		select t.oid, t.typbasetype, coalesce(e.oid, 0), t.typdelim::pg_catalog.text,
			case n.nspname when 'pg_catalog' then '' else n.nspname || '.' end || coalesce(e.typname || '[]', t.typname)
		from pg_catalog.pg_type t
		left join pg_catalog.pg_type e on e.oid = t.typelem and t.typoutput = 'pg_catalog.array_out'::pg_catalog.regproc
		join pg_catalog.pg_namespace n on n.oid = coalesce(e.typnamespace, t.typnamespace)
		where t.oid >= 16384 or coalesce(e.typrelid, t.typrelid) = 0`
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	types := Types{}
	var t Type
	var delimiter string
	_, err = pgx.ForEachRow(rows, []any{&t.OID, &t.Base, &t.Element, &delimiter, &t.Name}, func() error {
		t.Delimiter = delimiter[0]
		types[t.OID] = t
		return nil
	})
	return types, err
}

package catalog

import (
	"context"
	"io"

	"github.com/jackc/pgx/v5"
)

// A Querier is what Load needs of a connection, pool or transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Load reads the catalog in a constant number of queries, whatever the number of tables.
func Load(ctx context.Context, q Querier) (*Catalog, error) { panic("catalog.Load: not written") }

// Write writes the catalog as JSON, for [Read].
func (c *Catalog) Write(w io.Writer) error { panic("catalog.Write: not written") }

// Read reads a catalog that [Catalog.Write] wrote.
func Read(r io.Reader) (*Catalog, error) { panic("catalog.Read: not written") }

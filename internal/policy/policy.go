// Package policy decides what may be read and called. It turns a configuration
// into rules, and closes the rules over a catalog: a blocked table blocks its
// partitions and the views that read it. It decides and never sees SQL; package
// guard finds out what a statement mentions.
package policy

import (
	"time"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
)

// Rules are what a configuration says about one database.
type Rules struct{}

// Limits bound one statement.
type Limits struct {
	MaxRows          int
	MaxBytes         int64
	StatementTimeout time.Duration
	MaxCost          float64 // 0: no limit
}

// Compile turns c into the rules of the database name, common rules and overrides
// joined. c is valid and has that database.
func Compile(c *config.Config, name string) *Rules { panic("policy.Compile: not written") }

// Close applies the rules to a catalog. The result for the catalog that was
// given last is kept, so calling it for each statement costs nothing.
func (r *Rules) Close(c *catalog.Catalog) *Policy { panic("policy.Close: not written") }

// A Policy is the rules of one database closed over one catalog. It is immutable.
type Policy struct {
	Database     string
	Catalog      *catalog.Catalog
	SearchPath   []string // the readable schemas, in the order in which bare names are looked up
	AllowExplain bool
	Limits       Limits
}

// Relation reports whether the relation may be named at all.
func (p *Policy) Relation(r *catalog.Relation) bool { panic("policy.Relation: not written") }

// Column reports whether the column may be mentioned; false for every column of
// a relation that may not be named.
func (p *Policy) Column(r *catalog.Relation, c *catalog.Column) bool {
	panic("policy.Column: not written")
}

// Columns are the columns of r that may be mentioned, in order.
func (p *Policy) Columns(r *catalog.Relation) []catalog.Column { panic("policy.Columns: not written") }

// Builtin reports whether a function of pg_catalog may be called.
func (p *Policy) Builtin(name string) bool { panic("policy.Builtin: not written") }

// Function reports whether a user-defined function may be called.
func (p *Policy) Function(f *catalog.Function) bool { panic("policy.Function: not written") }

// Operator reports whether a user-defined operator may be used: its extension is allowed,
// or its function is.
func (p *Policy) Operator(o *catalog.Operator) bool { panic("policy.Operator: not written") }

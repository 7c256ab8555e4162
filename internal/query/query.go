// Package query runs approved statements: each in one read-only flight that
// leaves nothing behind, within its policy's limits, its rows encoded exactly.
// It takes a guard.Statement and nothing else, so there is no way round the guard.
package query

import (
	"context"
	"encoding/json"
	"time"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

// A Runner runs statements on the databases that are served.
type Runner struct {
	databases *postgres.Databases
	chain     call.Chain
}

// NewRunner returns a Runner whose statements all go through chain.
func NewRunner(databases *postgres.Databases, chain call.Chain) *Runner {
	return &Runner{databases, chain}
}

// Check judges sql for a database by its newest catalog. The error is a
// *guard.Refusal, *postgres.UnknownDatabase or *postgres.Unavailable.
func (r *Runner) Check(ctx context.Context, database, sql string) (guard.Statement, error) {
	panic("query.Check: not written")
}

// Run runs a statement on the database it was checked for. Rows beyond a limit
// are cut off, and the result says so. An error that PostgreSQL gave is an *[Error].
func (r *Runner) Run(ctx context.Context, s guard.Statement) (*Result, error) {
	panic("query.Run: not written")
}

// Explain plans a statement without running it.
func (r *Runner) Explain(ctx context.Context, s guard.Statement) (*Plan, error) {
	panic("query.Explain: not written")
}

// A Result is rows in the order of their columns, encoded once.
type Result struct {
	Columns   []Column        `json:"columns"`
	Rows      json.RawMessage `json:"rows"` // an array of arrays, exact for every value
	RowCount  int             `json:"row_count"`
	Truncated string          `json:"truncated,omitempty"` // "rows" or "bytes": which limit cut rows off
	Elapsed   time.Duration   `json:"-"`
}

// A Column is one column of a result; names may repeat.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // such as "int8", "text[]"
}

// A Plan is what PostgreSQL would do, and its estimates.
type Plan struct {
	Cost float64         `json:"cost"` // the planner's total cost, in its own unit
	Rows float64         `json:"rows"` // estimated
	Plan json.RawMessage `json:"plan"` // EXPLAIN (FORMAT JSON)
}

// An Error is what PostgreSQL said of a statement, without details that could
// hold data.
type Error struct {
	SQLState string `json:"sqlstate"`
	Code     string `json:"code"` // a stable name: "timeout", "cancelled", "too_expensive", "data_error", ...
	Message  string `json:"message"`
	Position int    `json:"position,omitempty"` // in characters from 1; 0: none
	Hint     string `json:"hint,omitempty"`
}

func (e *Error) Error() string { return e.Message }

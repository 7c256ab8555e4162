// Package query runs approved statements: each in one read-only flight that
// leaves nothing behind, within its policy's limits, its rows encoded exactly.
// It takes a guard.Statement and nothing else, so there is no way round the guard.
package query

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/observe"
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

// A Result is rows in the order of their columns, encoded once.
type Result struct {
	Columns   []Column        `json:"columns"`
	Rows      json.RawMessage `json:"rows"` // an array of arrays, exact for every value
	RowCount  int             `json:"row_count"`
	Truncated string          `json:"truncated,omitempty"` // "rows" or "bytes": which limit cut rows off
}

// A Column is one column of a result; names may repeat.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // such as "int8", "text[]", "public.mood"
}

// A Plan is what PostgreSQL would do, and its estimates.
type Plan struct {
	Cost float64         `json:"cost"` // the planner's total cost, in its own unit
	Rows float64         `json:"rows"` // estimated
	Plan json.RawMessage `json:"plan"` // EXPLAIN (FORMAT JSON)

	widest float64 // the most rows that any step is estimated to give
}

// Check judges sql for a database by its newest catalog. The error is a
// *guard.Refusal, *postgres.UnknownDatabase or *postgres.Unavailable.
func (r *Runner) Check(ctx context.Context, database, sql string) (guard.Statement, error) {
	db, err := r.databases.Get(ctx, database)
	if err != nil {
		return guard.Statement{}, err
	}
	facts := call.FactsOf(ctx)
	facts.Database, facts.SQL = db.Name, sql
	p, err := db.Policy(ctx)
	if err != nil {
		return guard.Statement{}, err
	}
	s, err := guard.Check(sql, p)
	if refusal, ok := errors.AsType[*guard.Refusal](err); !ok || !mayBeNew(refusal.Code) || !db.Renew(ctx) {
		return s, err
	}
	if p, err = db.Policy(ctx); err != nil {
		return guard.Statement{}, err
	}
	return guard.Check(sql, p)
}

// mayBeNew reports whether what a statement was refused for may have been made
// since the catalog was read.
func mayBeNew(c guard.Code) bool {
	switch c {
	case guard.UnknownTable, guard.UnknownColumn, guard.UnknownFunction, guard.UnknownType:
		return true
	}
	return false
}

// Run runs a statement on the database it was checked for. Rows beyond a limit
// are cut off, and the result says so. An error that PostgreSQL gave is an
// *[Error]; a database that cannot be reached, a *postgres.Unavailable.
func (r *Runner) Run(ctx context.Context, s guard.Statement) (*Result, error) {
	return fly(ctx, r, s, (*flight).rows)
}

// Explain plans a statement for who asked for its plan. Where the policy lets no
// statement be explained that is a *guard.Refusal; the rest is as with [Runner.Plan].
func (r *Runner) Explain(ctx context.Context, s guard.Statement) (*Plan, error) {
	if p := s.Policy(); p != nil && !p.AllowExplain {
		return nil, &guard.Refusal{Code: guard.ExplainNotAllowed, Message: "statements of this database may not be explained", Hint: "run it with execute_sql"}
	}
	return r.Plan(ctx, s)
}

// Plan plans a statement without running it, whether or not its caller may see
// plans. One that is an EXPLAIN already is a *guard.Refusal; other errors are as
// with [Runner.Run].
func (r *Runner) Plan(ctx context.Context, s guard.Statement) (*Plan, error) {
	if s.Explain() {
		return nil, &guard.Refusal{Code: guard.ExplainNotAllowed, Message: "the statement is an EXPLAIN already", Position: 1, Hint: "give the statement without EXPLAIN"}
	}
	plan, err := fly(ctx, r, s, (*flight).plan)
	if err != nil {
		return nil, err
	}
	if err := plan.redact(s.Planned()); err != nil {
		return nil, err
	}
	return plan, nil
}

// fly takes a statement through the chain and on a flight, which do is the middle of.
func fly[T any](ctx context.Context, r *Runner, s guard.Statement, do func(*flight, order) (T, error)) (T, error) {
	var none T
	p := s.Policy()
	if p == nil {
		return none, errors.New("run statement: the guard has not approved it")
	}
	op := call.Op{Kind: call.Statement, Name: p.Database}
	return call.Do(ctx, r.chain, op, func(ctx context.Context) (T, error) {
		facts := call.FactsOf(ctx)
		facts.Database, facts.SQL, facts.Planned = p.Database, s.SQL(), s.Explain()
		facts.Tables, facts.Columns = s.Reads().Tables, s.Reads().Columns
		db, err := r.databases.Get(ctx, p.Database)
		if err != nil {
			return none, err
		}
		f, err := depart(ctx, db, p.Limits.StatementTimeout)
		if err != nil {
			return none, err
		}
		defer f.land()
		t, err := do(f, orderOf(ctx, s))
		if e, ok := errors.AsType[*Error](err); ok && e.outdated() {
			db.Changed()
		}
		return t, err
	})
}

// orderOf is the order to run s.
func orderOf(ctx context.Context, s guard.Statement) order {
	p := s.Policy()
	return order{
		sql:        s.SQL(),
		explain:    s.Explain(),
		searchPath: p.SearchPath,
		policy:     p,
		limits:     p.Limits,
		requestID:  observe.RequestID(ctx),
	}
}

package guard

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// A resolver binds every name of one statement to what PostgreSQL would bind it
// to, and judges it. It stops at the first refusal: what reads a name returns
// something harmless from then on.
type resolver struct {
	sql     string
	policy  *policy.Policy
	catalog *catalog.Catalog
	refusal *Refusal

	tables    map[string]bool
	columns   map[string]bool
	functions map[string]bool

	facts     Facts
	mentioned []*column // columns of FROM, while somebody gathers them

	scalarNames map[*pg_query.SubLink]string // of the output columns of scalar subqueries that have been read

	verbose     bool // it is an EXPLAIN VERBOSE
	caseOperand bool // it has CASE x WHEN …
	convertJSON bool // it has an SQL/JSON constructor whose result is converted

	// So far, see planning.go:
	width   int // columns of everything in FROM
	items   int
	windows int
	nodes   int
}

// Bounds of what names can stand for: a short statement can multiply columns.
const (
	maxColumns = 20_000 // in FROM, all told
	maxOutputs = 1664   // of one query or row, as in PostgreSQL
)

func newResolver(sql string, p *policy.Policy) *resolver {
	return &resolver{
		sql:       sql,
		policy:    p,
		catalog:   p.Catalog,
		tables:    map[string]bool{},
		columns:   map[string]bool{},
		functions: map[string]bool{},

		scalarNames: map[*pg_query.SubLink]string{},
	}
}

// refuse keeps a refusal, if it is the first. at is a byte offset, or -1.
func (r *resolver) refuse(code Code, at int32, hint, format string, args ...any) {
	if r.refusal != nil {
		return
	}
	r.refusal = &Refusal{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
	if at >= 0 {
		r.refusal.Position = position(r.sql, int(at))
	}
}

func (r *resolver) reads() Reads {
	sorted := func(set map[string]bool) []string {
		if len(set) == 0 {
			return []string{}
		}
		return slices.Sorted(maps.Keys(set))
	}
	return Reads{Tables: sorted(r.tables), Columns: sorted(r.columns), Functions: sorted(r.functions)}
}

// mention judges a reference to a column of FROM, or to an attribute of a row; an
// attribute of a relation's row type counts as a column of the relation. What it
// says of a blocked one are the names that the statement uses.
func (r *resolver) mention(c *column, at int32) {
	r.node(c.nodes, at)
	if c.from != nil {
		r.mentioned = append(r.mentioned, c)
	}
	switch {
	case c.hidden:
		r.refuse(BlockedColumn, at, "", "%s may not be read: its type is made of rows of which some columns may not be read", c.name)
	case c.source == nil:
	case r.readable(c):
		rel := cmp.Or(c.rel, c.row)
		r.tables[rel.String()] = true
		r.columns[rel.String()+"."+c.source.Name] = true
	case c.rel != nil:
		r.refuse(BlockedColumn, at, r.allowedColumns(c.rel), "column %s of %s may not be read, in any part of the statement", c.name, c.rel)
	default:
		r.refuse(BlockedColumn, at, "", "attribute %s may not be read", c.name)
	}
}

// mentionAll judges a star or a whole row: it reads every column.
func (r *resolver) mentionAll(columns []column, at int32, what string) {
	for i := range columns {
		switch c := &columns[i]; {
		case c.source == nil || r.readable(c): // or hidden, which mention refuses
		case c.rel != nil:
			r.refuse(BlockedColumn, at, r.allowedColumns(c.rel), "%s reads every column of %s, and some may not be read", what, c.rel)
		default:
			r.refuse(BlockedColumn, at, "", "%s reads every attribute, and some may not be read", what)
		}
		r.mention(&columns[i], at)
	}
}

// mayRead reports whether mention would pass.
func (r *resolver) mayRead(c *column) bool {
	return !c.hidden && (c.source == nil || r.readable(c))
}

func (r *resolver) readable(c *column) bool {
	if c.only {
		return r.policy.OnlyColumn(c.rel, c.source)
	}
	return r.policy.Column(cmp.Or(c.rel, c.row), c.source)
}

// refused reports whether there is a verdict already, so that nothing more need
// be read and no hint be looked for.
func (r *resolver) refused() bool { return r.refusal != nil }

// widen counts columns in FROM.
func (r *resolver) widen(columns int, at int32) {
	if r.width += columns; r.width > maxColumns {
		r.refuse(TooLong, at, "ask for less in one statement", "what is in FROM has more than %d columns", maxColumns)
	}
}

// allowedColumns is a hint.
func (r *resolver) allowedColumns(rel *catalog.Relation) string {
	if r.refused() {
		return ""
	}
	columns := r.policy.Columns(rel)
	if len(columns) == 0 {
		return ""
	}
	const most = 40
	var names []string
	for _, c := range columns[:min(len(columns), most)] {
		names = append(names, catalog.Quote(c.Name))
	}
	if len(columns) > most {
		names = append(names, "…")
	}
	return "columns of " + rel.String() + " that may be read: " + strings.Join(names, ", ")
}

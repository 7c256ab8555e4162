// Package guard gives a verdict on one statement: it parses it with PostgreSQL's
// own grammar, resolves every name against the catalog and judges what it finds
// under a policy. It does no I/O and never runs or rewrites a statement. All
// decisions are allow-lists: what the guard does not know, it refuses.
//
// A statement passes four steps, in this order:
//
//   - the text gate (text.go) bounds size, tokens and nesting before any call
//     into C, where too deep a recursion would kill the process;
//   - the parser (parse.go) makes a tree of exactly one statement;
//   - the walk (walk.go, nodes.go) admits only node types and fields that a table
//     lists, so that nothing the resolver does not know can hide in the tree;
//   - the resolver (resolver.go and what it calls) binds every name as PostgreSQL
//     would, and judges each relation, column, function, operator and type.
//
// Beside that, a [Template] puts values into a statement as literals, for
// callers who would else paste text.
package guard

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmcp/pgmcp/internal/policy"
)

// A Statement has been approved. Only [Check] makes one, so that code which
// takes a Statement cannot be handed SQL that nobody looked at.
type Statement struct {
	sql     string
	explain bool
	reads   Reads
	facts   Facts
	policy  *policy.Policy
}

// SQL is the text as it was given to Check.
func (s Statement) SQL() string { return s.sql }

// Explain reports whether the statement is an EXPLAIN.
func (s Statement) Explain() bool { return s.explain }

// Reads is what the statement reads.
func (s Statement) Reads() Reads { return s.reads }

// Policy is what the statement was judged by; its limits hold when it runs.
func (s Statement) Policy() *policy.Policy { return s.policy }

// Reads lists what a statement mentions, sorted, each name once. Tables are
// SCHEMA.TABLE, columns SCHEMA.TABLE.COLUMN, functions SCHEMA.NAME.
type Reads struct {
	Tables    []string `json:"tables"`
	Columns   []string `json:"columns"`
	Functions []string `json:"functions"`
}

// Check approves sql under p, or returns a *[Refusal] with the first reason found.
func Check(sql string, p *policy.Policy) (s Statement, err error) {
	defer func() { // a mistake of ours must never let a statement through
		if recover() != nil {
			s, err = Statement{}, &Refusal{Code: Internal, Message: "the statement could not be judged"}
		}
	}()
	if refusal := checkText(sql, p.Limits); refusal != nil {
		return Statement{}, refusal
	}
	tree, refusal := parse(sql)
	if refusal != nil {
		return Statement{}, refusal
	}
	if refusal := walk(sql, tree); refusal != nil {
		return Statement{}, refusal
	}
	r := newResolver(sql, p)
	explain := r.statement(tree.Stmts[0].Stmt)
	if r.refusal != nil {
		return Statement{}, r.refusal
	}
	return Statement{sql: sql, explain: explain, reads: r.reads(), facts: r.facts, policy: p}, nil
}

// statement judges the statement and reports whether it is an EXPLAIN.
func (r *resolver) statement(n *pg_query.Node) bool {
	explain := n.GetExplainStmt()
	s := n.GetSelectStmt()
	if explain != nil {
		s = r.explain(explain)
	}
	if s == nil {
		r.refuse(NotReadOnly, 0, "write a SELECT", "only SELECT, VALUES, TABLE and EXPLAIN of those can be run")
		return false
	}
	r.selectStatement(&query{}, s, nil)
	if explain != nil && !r.refused() {
		r.judgePlan()
	}
	return explain != nil
}

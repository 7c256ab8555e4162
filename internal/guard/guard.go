// Package guard gives a verdict on one statement: it parses it with PostgreSQL's
// own grammar, resolves every name against the catalog and judges what it finds
// under a policy. It does no I/O and never runs or rewrites a statement. All
// decisions are allow-lists: what the guard does not know, it refuses.
package guard

import "github.com/pgmcp/pgmcp/internal/policy"

// MaxStatement bounds a statement, in bytes. A longer expression can overflow
// the stack of PostgreSQL's parser, which kills the process; no Go code can
// recover from that.
const MaxStatement = 16 << 10

// A Statement has been approved. Only [Check] makes one, so that code which
// takes a Statement cannot be handed SQL that nobody looked at.
type Statement struct {
	sql         string
	fingerprint string
	explain     bool
	reads       Reads
	policy      *policy.Policy
}

// SQL is the text as it was given to Check.
func (s Statement) SQL() string { return s.sql }

// Fingerprint identifies the statement apart from its constants.
func (s Statement) Fingerprint() string { return s.fingerprint }

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
func Check(sql string, p *policy.Policy) (Statement, error) { panic("guard.Check: not written") }

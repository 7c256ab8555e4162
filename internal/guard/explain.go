package guard

import (
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// explain judges EXPLAIN and returns the statement that it explains. Nothing is
// ever executed by it: ANALYZE runs the statement, and what it runs may write
// even in a read-only transaction.
func (r *resolver) explain(n *pg_query.ExplainStmt) *pg_query.SelectStmt {
	if !r.policy.AllowExplain {
		r.refuse(ExplainNotAllowed, 0, "send the statement alone", "EXPLAIN is not allowed")
		return nil
	}
	for _, o := range n.Options {
		option := o.GetDefElem()
		switch name := option.GetDefname(); name {
		case "costs", "summary", "format":
		case "verbose":
			r.verbose = r.verbose || !isOff(option.GetArg())
		case "analyze", "buffers", "generic_plan", "memory", "settings", "timing", "wal":
			if !isOff(option.GetArg()) {
				r.refuse(ExplainNotAllowed, option.GetLocation(), explainOptions,
					"EXPLAIN with %s is not allowed", strings.ToUpper(name))
			}
		default:
			r.refuse(ExplainNotAllowed, option.GetLocation(), explainOptions, "EXPLAIN option %s is not allowed", name)
		}
	}
	return n.Query.GetSelectStmt()
}

// judgePlan judges what the plan of a statement that has been read will show:
// the tables below views and above partitions, and with VERBOSE all their columns.
func (r *resolver) judgePlan() {
	seen := map[uint32]bool{}
	for _, rel := range r.catalog.Relations {
		if r.tables[rel.String()] {
			r.judgePlanOf(rel, seen)
		}
	}
	for name := range r.functions {
		if r.verbose && !strings.HasPrefix(name, "pg_catalog.") {
			r.refuse(ExplainNotAllowed, 0, notVerbose, "EXPLAIN VERBOSE could show what function %s reads", name)
		}
	}
}

const notVerbose = "leave VERBOSE out"

func (r *resolver) judgePlanOf(rel *catalog.Relation, seen map[uint32]bool) {
	if seen[rel.OID] {
		return
	}
	seen[rel.OID] = true
	if r.verbose && (len(r.policy.Columns(rel)) < len(rel.Columns) || rel.Kind == catalog.ForeignTable) {
		r.refuse(ExplainNotAllowed, 0, notVerbose, "EXPLAIN VERBOSE would show every column of a table of which some may not be read")
	}
	if !r.policy.Only(rel) {
		r.refuse(ExplainNotAllowed, 0, "explain a statement that reads tables alone", "the plan would show tables that may not be read")
	}
	if r.policy.Relation(rel) { // or FROM ONLY leaves them out
		for _, child := range r.catalog.Children(rel.OID) {
			r.judgePlanOf(r.catalog.ByOID(child), seen)
		}
	}
	for _, d := range rel.Reads {
		if below := r.catalog.ByOID(d.Relation); below != nil && below.Kind != catalog.Sequence {
			r.judgePlanOf(below, seen)
		}
		if r.verbose && d.Function != 0 {
			r.refuse(ExplainNotAllowed, 0, notVerbose, "EXPLAIN VERBOSE could show what a function reads")
		}
	}
}

// explainOptions is a hint.
const explainOptions = "options: COSTS, SUMMARY, FORMAT; VERBOSE where all columns of all tables may be read"

// isOff reports whether a value of an option says no, in PostgreSQL's ways.
func isOff(n *pg_query.Node) bool {
	switch v := n.GetNode().(type) {
	case *pg_query.Node_Integer:
		return v.Integer.Ival == 0
	case *pg_query.Node_String_:
		s := strings.ToLower(v.String_.Sval)
		return s == "off" || s == "false"
	case *pg_query.Node_Boolean:
		return !v.Boolean.Boolval
	}
	return false
}

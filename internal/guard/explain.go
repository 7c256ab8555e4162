package guard

import (
	"cmp"
	"slices"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/policy"
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
// names of relations, conditions and, with VERBOSE, all columns of relations.
func (r *resolver) judgePlan() {
	all := planned(r.policy, r.reads().Tables)
	for _, safe := range all {
		if !safe {
			r.refuse(ExplainNotAllowed, 0, "explain a statement that reads tables alone", "the plan could show what may not be read")
		}
	}
	for rel := range all {
		function := slices.ContainsFunc(rel.Reads, func(d catalog.Dependency) bool { return d.Function != 0 })
		if r.verbose && (len(r.policy.Columns(rel)) < len(rel.Columns) || rel.Kind == catalog.ForeignTable || function) {
			r.refuse(ExplainNotAllowed, 0, "leave VERBOSE out", "EXPLAIN VERBOSE would show every column of a table of which some may not be read")
		}
	}
	for name := range r.functions {
		if r.verbose && !strings.HasPrefix(name, "pg_catalog.") {
			r.refuse(ExplainNotAllowed, 0, "leave VERBOSE out", "EXPLAIN VERBOSE could show what user-defined functions read")
		}
	}
}

// Planned are the names of the relations that a plan of the statement can have,
// without their schemas, each with whether what the plan says of it may be shown.
func (s Statement) Planned() map[string]bool {
	names := map[string]bool{}
	for rel, safe := range planned(s.policy, s.reads.Tables) {
		others, known := names[rel.Name]
		names[rel.Name] = safe && (others || !known)
	}
	return names
}

// planned are the relations that a plan of a statement which reads tables can
// name: those, what is below the views among them, and partitions and children.
// Each comes with whether it is safe to show: it may be read, and no view reads of
// it what may not be. A plan can have that in its conditions although the
// statement does not mention what the view makes of it.
func planned(p *policy.Policy, tables []string) map[*catalog.Relation]bool {
	all := map[*catalog.Relation]bool{}
	var hidden []*catalog.Relation
	var add func(*catalog.Relation)
	add = func(rel *catalog.Relation) {
		if rel == nil || rel.Kind == catalog.Sequence {
			return
		}
		if _, seen := all[rel]; seen {
			return
		}
		all[rel] = p.Only(rel)
		if p.Verdict(rel) != policy.BlockedChild { // of which FROM ONLY leaves the children out
			for _, oid := range p.Catalog.Children(rel.OID) {
				add(p.Catalog.ByOID(oid))
			}
		}
		if rel.Kind != catalog.View { // a materialized one is planned as a table is
			return
		}
		for _, d := range rel.Reads {
			below := p.Catalog.ByOID(d.Relation)
			add(below)
			if d.Planned && !mayRead(p, below, d) {
				hidden = append(hidden, cmp.Or(below, rel)) // a catalog of PostgreSQL's own is below none
			}
		}
	}
	for _, rel := range p.Catalog.Relations {
		if slices.Contains(tables, rel.String()) {
			add(rel)
		}
	}
	for _, rel := range hidden {
		all[rel] = false
	}
	return all
}

// mayRead reports whether what a view reads of a relation may be read.
func mayRead(p *policy.Policy, rel *catalog.Relation, d catalog.Dependency) bool {
	switch {
	case rel == nil || !p.Relation(rel):
		return false
	case d.Whole:
		return len(p.Columns(rel)) == len(rel.Columns)
	}
	c := rel.Numbered(d.Column)
	return c == nil || p.Column(rel, c)
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
	}
	return false
}

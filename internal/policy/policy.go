// Package policy decides what may be read and called. It turns a configuration
// into rules, closes the rules over a catalog (a blocked table blocks its
// partitions and the views that read it), and cuts the catalog down to what may
// be shown. It decides and never sees SQL; package guard finds out what a
// statement mentions.
package policy

import "github.com/pgmcp/pgmcp/internal/catalog"

// A Policy is the rules of one database closed over one catalog. It is immutable,
// and any number of goroutines may ask it.
type Policy struct {
	Database     string
	Catalog      *catalog.Catalog
	SearchPath   []string // the readable schemas that exist, in the order in which bare names are looked up
	AllowExplain bool
	Limits       Limits
	Connections  int // that the pools of all databases of the configuration hold at most; 0: not known

	rules    *Rules
	verdicts map[uint32]Verdict // of every relation of the catalog, by OID
	columns  map[column]barrier // of the columns that may not be read
	types    map[uint32]bool    // of every type of the catalog, by OID
	reveals  map[uint32]bool    // the types whose values show what is blocked, by OID
	shown    shown
}

// A Verdict is what the rules say of a schema or relation. The zero value refuses.
type Verdict int

// The verdicts.
const (
	Unknown       Verdict = iota // it is not in the catalog that the policy is closed over
	ClosedSchema                 // its schema is not among those that can be read
	BlockedSchema                // its schema is blocked
	BlockedTable                 // it, or something that it is a part of, is blocked, or all its columns are
	BlockedChild                 // reading it would read the rows of a blocked partition or child; FROM ONLY does not
	BlockedView                  // its rows depend on something blocked, or all its columns do
	NotTabular                   // a sequence
	Allowed
)

// Schema is the verdict on a schema, whether it exists or not, so that a refusal
// does not tell which names exist in a closed one.
func (p *Policy) Schema(name string) Verdict { return p.rules.schema(name) }

// Verdict is the verdict on reading a relation with everything below it, as FROM
// reads a table with its partitions and children.
func (p *Policy) Verdict(r *catalog.Relation) Verdict { return p.verdicts[r.OID] }

// Relation reports whether the relation may be read: its verdict is Allowed.
func (p *Policy) Relation(r *catalog.Relation) bool { return p.verdicts[r.OID] == Allowed }

// Column reports whether the column may be mentioned; false for every column of
// a relation that may not be read.
func (p *Policy) Column(r *catalog.Relation, c *catalog.Column) bool {
	return p.Relation(r) && p.columns[column{r.OID, c.Number}] == open
}

// Columns are the columns of r that may be mentioned, in order.
func (p *Policy) Columns(r *catalog.Relation) []catalog.Column {
	var columns []catalog.Column
	for i := range r.Columns {
		if p.Column(r, &r.Columns[i]) {
			columns = append(columns, r.Columns[i])
		}
	}
	return columns
}

// Only reports whether the relation's own rows may be read, as FROM ONLY does.
func (p *Policy) Only(r *catalog.Relation) bool {
	v := p.verdicts[r.OID]
	return v == Allowed || v == BlockedChild
}

// OnlyColumn is what Column is, for a relation that is read by FROM ONLY.
func (p *Policy) OnlyColumn(r *catalog.Relation, c *catalog.Column) bool {
	return p.Only(r) && p.columns[column{r.OID, c.Number}] != blocked
}

// Builtin reports whether the server has functions of a name of its own that may
// be called; those whose class is [Bounded], with bounded arguments.
func (p *Policy) Builtin(name string) bool {
	return p.rules.builtin(name) && RoutineNamed(name).In(p.Release())
}

// Release is the server's major version, such as 16.
func (p *Policy) Release() int { return p.Catalog.ServerVersion / 10_000 }

// Function reports whether a user-defined function may be called.
func (p *Policy) Function(f *catalog.Function) bool { return p.rules.function(f) }

// Operator reports whether a user-defined operator may be used: its function may
// be called, or it is an allowed extension's name for a function that is not blocked.
func (p *Policy) Operator(o *catalog.Operator) bool {
	if f := p.Catalog.FunctionByOID(o.Function); f != nil {
		return p.Function(f)
	}
	return p.rules.extension(o.Extension)
}

// Reveals reports whether a value of a type shows what may not be read: it is, or
// is made of, rows of a relation of which something is blocked. An array type is
// asked about by its elements'; an OID that is not in the catalog reveals all.
func (p *Policy) Reveals(oid uint32) bool {
	return oid >= catalog.FirstUserOID &&
		(p.reveals[oid] || p.Catalog.RowOf(oid) == nil && p.Catalog.Type(oid) == nil && p.Catalog.Enum(oid) == nil)
}

// Type reports whether values of a user-defined type may be made, by a cast or a
// constant. It is false for OIDs that are not in the catalog: PostgreSQL's own
// types are not the policy's to judge.
func (p *Policy) Type(oid uint32) bool { return p.types[oid] }

package policy

import (
	"cmp"
	"maps"
	"slices"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// Close applies the rules to a catalog. The result for the catalog that was
// given last is kept, so calling it for each statement costs nothing.
//
// What is blocked spreads, whatever schema it reaches:
//   - down: the partitions and children of a blocked table are blocked, and their
//     columns of a blocked column's name;
//   - up: a table is closed to plain reading, which returns the rows of its
//     children, if one of those is blocked; FROM ONLY remains. So is a column;
//   - a generated column is blocked with each column that it is computed from;
//   - a column is blocked if its type is made of rows of a table or view of which
//     something is blocked;
//   - a view's column is blocked if it is made from something blocked; the whole
//     view is, if its rows depend on something blocked, such as by a condition, or
//     if its rule calls a function that may not be called. Catalogs of PostgreSQL's
//     own count as blocked.
//
// What is left with no column that may be read is closed.
//
// A schema that is merely not listed closes its own relations only: a view in a
// listed schema may publish them.
func (r *Rules) Close(c *catalog.Catalog) *Policy {
	if p := r.last.Load(); p != nil && p.Catalog == c {
		return p
	}
	p := &Policy{
		Database:     r.database,
		Catalog:      c,
		AllowExplain: r.allowExplain,
		Limits:       r.limits,
		Connections:  r.connections,
		rules:        r,
		verdicts:     make(map[uint32]Verdict, len(c.Relations)),
		columns:      map[column]barrier{},
		types:        make(map[uint32]bool, len(c.Enums)+len(c.Types)),
		reveals:      map[uint32]bool{},
	}
	for _, schema := range r.schemas {
		if r.schema(schema) == Allowed && slices.Contains(c.Schemas, schema) {
			p.SearchPath = append(p.SearchPath, schema)
		}
	}
	x := closing{Policy: p}
	x.tables()
	for more := true; more; more = x.spreadThroughTypes() {
		x.spreadDown()
		x.spreadUp()
		x.views = map[uint32]bool{}
		for _, view := range c.Relations {
			x.view(view)
		}
	}
	x.closeEmptied()
	x.closeSchemas()
	x.openCatalogs()
	x.allTypes()
	r.last.Store(p)
	return p
}

// A column is a column of a relation, by OID and number.
type column struct {
	relation uint32
	number   int16
}

// A barrier is why a column may not be read.
type barrier int

const (
	open         barrier = iota
	blockedChild         // a child's is blocked
	blocked
)

// closing is a policy in the making. Its verdicts leave out until the end which
// schemas are listed, because only what is blocked spreads.
type closing struct {
	*Policy
	views map[uint32]bool // those judged, or being judged
}

// tables gives each relation and column the verdict of the patterns.
func (x *closing) tables() {
	for _, r := range x.Catalog.Relations {
		switch {
		case x.rules.schema(r.Schema) == BlockedSchema:
			x.verdicts[r.OID] = BlockedSchema
		case anyMatches(x.rules.blockedTables, r.Schema, r.Name):
			x.verdicts[r.OID] = BlockedTable
		case r.Kind == catalog.Sequence:
			x.verdicts[r.OID] = NotTabular
		default:
			x.verdicts[r.OID] = Allowed
		}
		for _, c := range r.Columns {
			if anyMatches(x.rules.blockedColumns, r.Schema, r.Name, c.Name) {
				x.columns[column{r.OID, c.Number}] = blocked
			}
		}
	}
}

// spreadDown blocks what is below the blocked.
func (x *closing) spreadDown() {
	spread(x.blockedRelations(), func(oid uint32) (reached []uint32) {
		for _, child := range x.Catalog.Children(oid) {
			if x.verdicts[child] == Allowed {
				x.verdicts[child] = BlockedTable
				reached = append(reached, child)
			}
		}
		return reached
	})
	spread(x.blockedColumns(), func(at column) (reached []column) {
		block := func(r *catalog.Relation, c *catalog.Column) {
			if k := (column{r.OID, c.Number}); x.columns[k] != blocked {
				x.columns[k] = blocked
				reached = append(reached, k)
			}
		}
		r := x.Catalog.ByOID(at.relation)
		for i := range r.Columns {
			if slices.Contains(r.Columns[i].GeneratedFrom, at.number) {
				block(r, &r.Columns[i])
			}
		}
		for _, oid := range x.Catalog.Children(r.OID) {
			child := x.Catalog.ByOID(oid)
			if c := child.Column(r.Numbered(at.number).Name); c != nil {
				block(child, c)
			}
		}
		return reached
	})
}

// spreadUp closes to plain reading what is above the blocked.
func (x *closing) spreadUp() {
	spread(x.blockedRelations(), func(oid uint32) (reached []uint32) {
		for _, parent := range x.Catalog.ByOID(oid).Parents {
			if x.verdicts[parent] == Allowed {
				x.verdicts[parent] = BlockedChild
				reached = append(reached, parent)
			}
		}
		return reached
	})
	spread(slices.Collect(maps.Keys(x.columns)), func(at column) (reached []column) {
		r := x.Catalog.ByOID(at.relation)
		for _, oid := range r.Parents {
			parent := x.Catalog.ByOID(oid)
			if parent == nil {
				continue
			}
			c := parent.Column(r.Numbered(at.number).Name)
			if c == nil {
				continue
			}
			if k := (column{oid, c.Number}); x.columns[k] == open {
				x.columns[k] = blockedChild
				reached = append(reached, k)
			}
		}
		return reached
	})
}

// spread calls reach for each, and for each that it has reached.
func spread[T any](from []T, reach func(T) []T) {
	for len(from) > 0 {
		last := from[len(from)-1]
		from = append(from[:len(from)-1], reach(last)...)
	}
}

func (x *closing) blockedRelations() []uint32 {
	var oids []uint32
	for oid, v := range x.verdicts {
		if v == BlockedSchema || v == BlockedTable {
			oids = append(oids, oid)
		}
	}
	return oids
}

func (x *closing) blockedColumns() []column {
	var columns []column
	for at, b := range x.columns {
		if b == blocked {
			columns = append(columns, at)
		}
	}
	return columns
}

// spreadThroughTypes finds the types that show what is blocked and blocks the
// columns of such types. It reports whether it blocked any.
func (x *closing) spreadThroughTypes() bool {
	before, types := len(x.columns), -1
	for types < len(x.reveals) {
		types = len(x.reveals)
		for _, r := range x.Catalog.Relations {
			partly := x.verdicts[r.OID] != Allowed
			for i := range r.Columns {
				k := column{r.OID, r.Columns[i].Number}
				if x.columns[k] == open && x.revealing(r.Columns[i]) {
					x.columns[k] = blocked
				}
				partly = partly || x.columns[k] != open
			}
			if partly && r.RowType != 0 {
				x.reveals[r.RowType] = true
			}
		}
		for _, t := range x.Catalog.Types {
			if x.Reveals(cmp.Or(t.Element, t.Base)) || slices.ContainsFunc(t.Columns, x.revealing) {
				x.reveals[t.OID] = true
			}
		}
	}
	return len(x.columns) > before
}

func (x *closing) revealing(c catalog.Column) bool { return x.Reveals(cmp.Or(c.Element, c.TypeOID)) }

// view judges a view by what its rule reads: for its rows, and for each of its
// columns. Views below it are judged first.
func (x *closing) view(r *catalog.Relation) {
	if x.views[r.OID] || r.Kind != catalog.View && r.Kind != catalog.MaterializedView {
		return
	}
	x.views[r.OID] = true
	if x.verdicts[r.OID] != Allowed {
		return
	}
	x.verdicts[r.OID] = BlockedView // for as long as it is being judged
	for _, d := range r.Reads {
		switch {
		case d.Output == catalog.Unused || !x.forbidden(d):
		case d.Output == 0:
			return
		default:
			x.columns[column{r.OID, d.Output}] = blocked
		}
	}
	x.verdicts[r.OID] = Allowed
}

// forbidden reports whether a view may not read d.
func (x *closing) forbidden(d catalog.Dependency) bool {
	switch {
	case d.Builtin != "":
		return !x.rules.builtinOfView(d.Builtin)
	case d.Function != 0:
		f := x.Catalog.FunctionByOID(d.Function)
		return f == nil || !x.rules.function(f)
	}
	r := x.Catalog.ByOID(d.Relation)
	if r == nil {
		return true
	}
	x.view(r)
	switch v := x.verdicts[r.OID]; {
	case v != Allowed && v != NotTabular:
		return true
	case d.Whole:
		return slices.ContainsFunc(r.Columns, func(c catalog.Column) bool { return x.columns[column{r.OID, c.Number}] != open })
	default:
		return x.columns[column{r.OID, d.Column}] != open
	}
}

// closeEmptied closes the relations of which no column may be read: without one,
// PostgreSQL does not let a role count the rows either. That does not spread.
func (x *closing) closeEmptied() {
	for _, r := range x.Catalog.Relations {
		if x.verdicts[r.OID] != Allowed || len(r.Columns) == 0 {
			continue
		}
		openest := blocked
		for _, c := range r.Columns {
			openest = min(openest, x.columns[column{r.OID, c.Number}])
		}
		switch {
		case openest == open:
		case openest == blockedChild:
			x.verdicts[r.OID] = BlockedChild
		case r.Kind == catalog.View || r.Kind == catalog.MaterializedView:
			x.verdicts[r.OID] = BlockedView
		default:
			x.verdicts[r.OID] = BlockedTable
		}
	}
}

// closeSchemas closes what is in schemas that are not listed.
func (x *closing) closeSchemas() {
	for _, r := range x.Catalog.Relations {
		if v := x.rules.schema(r.Schema); v == ClosedSchema {
			x.verdicts[r.OID] = v
		}
	}
}

// allTypes judges the types, once all relations are judged.
func (x *closing) allTypes() {
	for _, e := range x.Catalog.Enums {
		x.types[e.OID] = x.rules.schema(e.Schema) != BlockedSchema
	}
	for _, t := range x.Catalog.Types {
		x.typ(t.OID)
	}
	for _, r := range x.Catalog.Relations {
		x.typ(r.RowType)
	}
}

// typ judges a type: making one of its values must run no code that is not
// allowed, and its attributes must name nothing that is blocked.
func (x *closing) typ(oid uint32) bool {
	if oid < catalog.FirstUserOID {
		return true
	}
	if verdict, judged := x.types[oid]; judged {
		return verdict
	}
	x.types[oid] = false // for as long as it is being judged
	if r := x.Catalog.RowOf(oid); r != nil {
		x.types[oid] = x.Relation(r) && len(x.Columns(r)) == len(r.Columns) && x.attributes(r.Columns)
	}
	if t := x.Catalog.Type(oid); t != nil && x.rules.schema(t.Schema) != BlockedSchema {
		switch {
		case x.rules.extension(t.Extension):
			x.types[oid] = true
		case t.Kind == "base" || t.Check:
		case t.Kind == "composite":
			x.types[oid] = x.attributes(t.Columns)
		default:
			x.types[oid] = x.typ(cmp.Or(t.Element, t.Base))
		}
	}
	return x.types[oid]
}

func (x *closing) attributes(columns []catalog.Column) bool {
	return !slices.ContainsFunc(columns, func(c catalog.Column) bool {
		return !x.typ(cmp.Or(c.Element, c.TypeOID))
	})
}

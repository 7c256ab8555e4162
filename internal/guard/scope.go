package guard

import "github.com/pgmcp/pgmcp/internal/catalog"

// A column is one name that an item of FROM, or a row, offers. source is the
// column of a relation that it stands for, nil for one that is computed: those
// were judged where they were computed.
type column struct {
	name   string
	typ    typ
	rel    *catalog.Relation
	source *catalog.Column
	only   bool              // of FROM ONLY
	row    *catalog.Relation // attributes of a row type: the relation
	from   *item             // the item of FROM that it belongs to, below all joins

	// derived is a name that nobody wrote and no relation has. Should PostgreSQL
	// derive another one, a reference means something else than it seems to.
	derived bool
	hidden  bool // its type shows what may not be read
	nodes   int  // of the expression that PostgreSQL may put in its place
}

// An item is what one entry of FROM lets a query refer to.
type item struct {
	name    string            // how references call it; empty if they cannot
	rel     *catalog.Relation // a relation under its own name: SCHEMA.NAME refers to it as well
	table   *catalog.Relation // a relation, whatever it is called: has system columns
	columns []column
	scalar  *typ // a function that returns no row: the item's name stands for its value
	opaque  bool // the columns cannot be told
	one     bool // it gives one row at most, or one call's rows
	at      int32

	derived     bool // the name is, as a column's can be
	named       bool // the name can be referred to
	open        bool // the columns can be referred to without it
	lateralOnly bool // seen by LATERAL items alone, as long as FROM is being read
	lateralOK   bool // and LATERAL may really refer to it

	index map[string]int // of wide items: where in columns a name is, severalColumns if more than once
	all   *whole         // nil until all columns have been mentioned
}

// severalColumns stands in an index for a name that is ambiguous.
const severalColumns = -1

// A whole is an item as a row: what it costs to mention all columns, and their values.
type whole struct {
	nodes  int
	fields []column
}

// A query is one level of a statement, where names are looked up from the
// inside out. It corresponds to PostgreSQL's ParseState.
type query struct {
	outer   *query
	items   []*item
	lateral bool // a LATERAL item is being read
	ctes    []*cte
	level   selection
}

// A lookup is how a name was found.
type lookup uint8

const (
	notFound lookup = iota
	found
	ambiguous
	outOfReach // there, but not where it is used
	unclear    // could be in an item whose columns cannot be told
)

func (q *query) sees(it *item) bool { return !it.lateralOnly || q.lateral }

// column finds a name without qualification, as colNameToVar does; local looks
// at this level alone.
func (q *query) column(name string, local bool) (*item, *column, lookup) {
	for ; q != nil; q = q.outer {
		var in *item
		var hit *column
		for _, it := range q.items {
			if !it.open || !q.sees(it) {
				continue
			}
			c, how := it.column(name)
			switch how {
			case notFound:
				continue
			case ambiguous, unclear:
				return nil, nil, how
			}
			if in != nil {
				return nil, nil, ambiguous
			}
			in, hit = it, c
		}
		if in != nil {
			if in.lateralOnly && !in.lateralOK {
				return nil, nil, outOfReach
			}
			return in, hit, found
		}
		if local {
			break
		}
	}
	return nil, nil, notFound
}

// column finds a column of an item; a nil column with found is a system column.
func (it *item) column(name string) (*column, lookup) {
	at, ok := it.find(name)
	switch {
	case at == severalColumns:
		return nil, ambiguous
	case ok:
		return &it.columns[at], found
	case it.opaque:
		return nil, unclear
	case it.table != nil && isSystemColumn(it.table, name):
		return nil, found
	}
	return nil, notFound
}

// find is the place of a column among an item's, or severalColumns.
func (it *item) find(name string) (at int, ok bool) {
	const few = 16 // which are found faster by looking at each
	if len(it.columns) <= few {
		for i := range it.columns {
			if it.columns[i].name != name {
				continue
			}
			if ok {
				return severalColumns, true
			}
			at, ok = i, true
		}
		return at, ok
	}
	if it.index == nil {
		it.index = make(map[string]int, len(it.columns))
		for i := range it.columns {
			name := it.columns[i].name
			if _, twice := it.index[name]; twice {
				it.index[name] = severalColumns
			} else {
				it.index[name] = i
			}
		}
	}
	at, ok = it.index[name]
	return at, ok
}

// item finds what a qualification refers to; rel is the relation that a
// qualification with a schema means, else nil.
func (q *query) item(rel *catalog.Relation, name string) (*item, lookup) {
	for ; q != nil; q = q.outer {
		var hit *item
		for _, it := range q.items {
			if !it.named || !q.sees(it) {
				continue
			}
			if rel == nil && it.name != name || rel != nil && it.rel != rel {
				continue
			}
			if hit != nil {
				return nil, ambiguous
			}
			hit = it
		}
		if hit != nil {
			if hit.lateralOnly && !hit.lateralOK {
				return nil, outOfReach
			}
			return hit, found
		}
	}
	return nil, notFound
}

// cte finds a WITH query by name.
func (q *query) cte(name string) *cte {
	for ; q != nil; q = q.outer {
		for _, c := range q.ctes {
			if c.name == name {
				return c
			}
		}
	}
	return nil
}

// derived judges a reference to a derived name, of the item in or of a column in
// it: nothing else that the name could mean may be unreadable.
func (r *resolver) derived(q *query, in *item, name string, at int32) {
	for ; q != nil; q = q.outer {
		for _, it := range q.items {
			for i := range it.columns {
				c := &it.columns[i]
				if it != in && (c.name == name || it.name == name) && !r.mayRead(c) {
					r.refuse(NotSupported, at, "give it an alias", "%s is a name that PostgreSQL makes up here, and could be taken for what may not be read", name)
					return
				}
			}
		}
	}
}

func setLateral(items []*item, only, ok bool) {
	for _, it := range items {
		it.lateralOnly, it.lateralOK = only, ok
	}
}

func isSystemColumn(rel *catalog.Relation, name string) bool {
	switch rel.Kind {
	case catalog.View, catalog.Sequence:
		return false
	}
	switch name {
	case "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid":
		return true
	}
	return false
}

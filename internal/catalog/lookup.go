package catalog

import "sync"

// index is how a Catalog finds things. It is made by the first lookup, so that a
// catalog may come from a database, a file or a literal.
type index struct {
	once      sync.Once
	relations map[name]*Relation
	oids      map[uint32]*Relation
	children  map[uint32][]uint32
	functions map[string][]*Function
	routines  map[uint32]*Function
	operators map[string][]*Operator
	types     map[name]uint32
	enums     map[uint32]*Enum
	typeOIDs  map[uint32]*Type
	rows      map[uint32]*Relation // by the OID of the row type

	searchOnce sync.Once
	search     *searchIndex
}

type name struct{ schema, name string }

func (c *Catalog) lookup() *index {
	c.index.once.Do(func() {
		x := &c.index
		x.relations = make(map[name]*Relation, len(c.Relations))
		x.oids = make(map[uint32]*Relation, len(c.Relations))
		x.children = map[uint32][]uint32{}
		x.functions = map[string][]*Function{}
		x.routines = make(map[uint32]*Function, len(c.Functions))
		x.operators = map[string][]*Operator{}
		x.types = make(map[name]uint32, len(c.Relations)+len(c.Enums)+len(c.Types))
		x.enums = make(map[uint32]*Enum, len(c.Enums))
		x.typeOIDs = make(map[uint32]*Type, len(c.Types))
		x.rows = make(map[uint32]*Relation, len(c.Relations))
		for _, r := range c.Relations {
			x.relations[name{r.Schema, r.Name}] = r
			x.oids[r.OID] = r
			for _, parent := range r.Parents {
				x.children[parent] = append(x.children[parent], r.OID)
			}
			if r.RowType != 0 {
				x.types[name{r.Schema, r.Name}] = r.RowType
				x.rows[r.RowType] = r
			}
		}
		for _, f := range c.Functions {
			x.functions[f.Name] = append(x.functions[f.Name], f)
			x.routines[f.OID] = f
		}
		for _, o := range c.Operators {
			x.operators[o.Name] = append(x.operators[o.Name], o)
		}
		for _, e := range c.Enums {
			x.types[name{e.Schema, e.Name}] = e.OID
			x.enums[e.OID] = e
		}
		for _, t := range c.Types {
			x.types[name{t.Schema, t.Name}] = t.OID
			x.typeOIDs[t.OID] = t
		}
	})
	return &c.index
}

// Relation is the relation schema.name, or nil.
func (c *Catalog) Relation(schema, relation string) *Relation {
	return c.lookup().relations[name{schema, relation}]
}

// ByOID is the relation with an OID, or nil.
func (c *Catalog) ByOID(oid uint32) *Relation { return c.lookup().oids[oid] }

// Resolve finds a relation as PostgreSQL would: by its schema, or for an empty
// schema by the first schema of searchPath that has the name. Nil means none.
func (c *Catalog) Resolve(schema, relation string, searchPath []string) *Relation {
	return resolve(c.lookup().relations, schema, relation, searchPath)
}

// ResolveType is the OID of a user-defined type, found as [Catalog.Resolve] finds
// relations: an enum, one of Types, or the row of a relation. 0 means none.
func (c *Catalog) ResolveType(schema, typ string, searchPath []string) uint32 {
	return resolve(c.lookup().types, schema, typ, searchPath)
}

func resolve[T comparable](all map[name]T, schema, object string, searchPath []string) T {
	var none T
	if schema != "" {
		return all[name{schema, object}]
	}
	for _, s := range searchPath {
		if found := all[name{s, object}]; found != none {
			return found
		}
	}
	return none
}

// FunctionsNamed are the user-defined functions of a name in any schema.
func (c *Catalog) FunctionsNamed(name string) []*Function { return c.lookup().functions[name] }

// FunctionByOID is the user-defined function with an OID, or nil.
func (c *Catalog) FunctionByOID(oid uint32) *Function { return c.lookup().routines[oid] }

// OperatorsNamed are the user-defined operators of a name in any schema.
func (c *Catalog) OperatorsNamed(name string) []*Operator { return c.lookup().operators[name] }

// Enum is the enum with an OID, or nil.
func (c *Catalog) Enum(oid uint32) *Enum { return c.lookup().enums[oid] }

// Type is the type with an OID, or nil.
func (c *Catalog) Type(oid uint32) *Type { return c.lookup().typeOIDs[oid] }

// RowOf is the relation whose rows are of a composite type, by the type's OID, or nil.
func (c *Catalog) RowOf(oid uint32) *Relation { return c.lookup().rows[oid] }

// Attributes are the columns of a composite type, which may be a relation's row,
// by the type's OID; nil for any other type. A domain has those of its base.
func (c *Catalog) Attributes(oid uint32) []Column {
	if r := c.RowOf(oid); r != nil {
		return r.Columns
	}
	switch t := c.Type(oid); {
	case t == nil:
		return nil
	case t.Kind == "domain":
		return c.Attributes(t.Base)
	default:
		return t.Columns
	}
}

// Children are the OIDs of the partitions and inheritance children of a relation, direct ones only.
func (c *Catalog) Children(oid uint32) []uint32 { return c.lookup().children[oid] }

// Column is the column of a name, or nil.
func (r *Relation) Column(name string) *Column {
	for i := range r.Columns {
		if r.Columns[i].Name == name {
			return &r.Columns[i]
		}
	}
	return nil
}

// Numbered is the column of an attribute number, or nil.
func (r *Relation) Numbered(number int16) *Column {
	for i := range r.Columns {
		if r.Columns[i].Number == number {
			return &r.Columns[i]
		}
	}
	return nil
}

// String is the relation's name with its schema, unquoted.
func (r *Relation) String() string { return r.Schema + "." + r.Name }

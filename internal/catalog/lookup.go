package catalog

// index is how a Catalog finds things.
type index struct{}

// Relation is the relation schema.name, or nil.
func (c *Catalog) Relation(schema, name string) *Relation { panic("catalog.Relation: not written") }

// ByOID is the relation with an OID, or nil.
func (c *Catalog) ByOID(oid uint32) *Relation { panic("catalog.ByOID: not written") }

// Resolve finds a relation as PostgreSQL would: by its schema, or for an empty
// schema by the first schema of searchPath that has the name. Nil means none.
func (c *Catalog) Resolve(schema, name string, searchPath []string) *Relation {
	panic("catalog.Resolve: not written")
}

// FunctionsNamed are the user-defined functions of a name in any schema.
func (c *Catalog) FunctionsNamed(name string) []*Function {
	panic("catalog.FunctionsNamed: not written")
}

// OperatorsNamed are the user-defined operators of a name in any schema.
func (c *Catalog) OperatorsNamed(name string) []*Operator {
	panic("catalog.OperatorsNamed: not written")
}

// Children are the OIDs of the partitions and inheritance children of a relation, direct ones only.
func (c *Catalog) Children(oid uint32) []uint32 { panic("catalog.Children: not written") }

// Column is the column of a name, or nil.
func (r *Relation) Column(name string) *Column {
	for i := range r.Columns {
		if r.Columns[i].Name == name {
			return &r.Columns[i]
		}
	}
	return nil
}

// String is the relation's name with its schema, unquoted.
func (r *Relation) String() string { return r.Schema + "." + r.Name }

// Fingerprint identifies what the catalog holds: statistics, owners, OIDs and
// the time of loading are left out, so equal structures have equal fingerprints.
func (c *Catalog) Fingerprint() string { panic("catalog.Fingerprint: not written") }

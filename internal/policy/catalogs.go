package policy

import "github.com/pgmcp/pgmcp/internal/catalog"

// catalogRelations are the relations of pg_catalog that may be read: they hold the
// same in every database and name nothing in it. Their OIDs are made up:
// those of the servers differ. What describes tables, roles, settings, sessions or
// statistics does not belong here, and neither does a list that a user's object
// could be in, since it may be one that the policy hides.
var catalogRelations = []*catalog.Relation{
	catalogView(catalog.FirstUserOID-1, "pg_timezone_abbrevs", timeZoneColumns[1:]),
	catalogView(catalog.FirstUserOID-2, "pg_timezone_names", timeZoneColumns),
}

var timeZoneColumns = []catalog.Column{
	{Name: "name", Type: "text", TypeOID: 25},
	{Name: "abbrev", Type: "text", TypeOID: 25},
	{Name: "utc_offset", Type: "interval", TypeOID: 1186},
	{Name: "is_dst", Type: "boolean", TypeOID: 16},
}

func catalogView(oid uint32, name string, columns []catalog.Column) *catalog.Relation {
	r := &catalog.Relation{OID: oid, Schema: "pg_catalog", Name: name, Kind: catalog.View}
	for i, c := range columns {
		c.Number = int16(i + 1)
		r.Columns = append(r.Columns, c)
	}
	return r
}

// CatalogRelation is the relation of pg_catalog of a name if it may be read, else nil.
func (p *Policy) CatalogRelation(name string) *catalog.Relation {
	for _, r := range catalogRelations {
		if r.Name == name && p.Relation(r) {
			return r
		}
	}
	return nil
}

// openCatalogs gives them their verdicts.
func (x *closing) openCatalogs() {
	for _, r := range catalogRelations {
		if anyMatches(x.rules.blockedSchemas, r.Schema) || anyMatches(x.rules.blockedTables, r.Schema, r.Name) {
			continue
		}
		x.verdicts[r.OID] = Allowed
		for _, c := range r.Columns {
			if anyMatches(x.rules.blockedColumns, r.Schema, r.Name, c.Name) {
				x.columns[column{r.OID, c.Number}] = blocked
			}
		}
	}
}

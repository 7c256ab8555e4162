package catalog

// A Match is a relation that fits words, best first; Score has no unit.
type Match struct {
	Relation *Relation
	Score    float64
	Why      string // "name", "column", "comment", or "foreign key of SCHEMA.TABLE"
}

// Search ranks relations by how well their names, columns and comments fit the
// words, and adds foreign-key neighbours of good ones. Only relations for which
// visible is true are considered, and only their visible columns' words, so that
// a blocked name cannot be found by searching.
func (c *Catalog) Search(words string, limit int, visible func(*Relation) bool, column func(*Relation, *Column) bool) []Match {
	panic("catalog.Search: not written")
}

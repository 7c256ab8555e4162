package answer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// A view is what of a database can be shown, and how much of it.
type view struct {
	policy      *policy.Policy
	statistics  *catalog.Statistics // of columns that may be seen; nil: none
	description string
	values      string // what of the statistics is shown
	budget      int    // tokens
}

// An excerpt is what a prompt shows of a database.
type excerpt struct {
	text  string
	mark  string   // its fingerprint
	notes []string // what was left out; empty: nothing
}

// tokens estimates how many tokens a text has: one for every four bytes. English
// and names of columns have fewer, most other scripts about as many.
func tokens(text string) int { return (len(text) + 3) / 4 }

// render writes down what may be seen of a database, within the budget. The text
// depends on the visible part of the catalog and on values that each ANALYZE
// finds: not on which rows it has sampled, on the server's version or on time.
// What does not fit is left out step by step: the values; comments of the tables
// that fit the question least; the columns of those; their names.
func (v view) render(question string) excerpt {
	c := v.policy.Shown()
	head := "The tables of database " + quoted(v.policy.Database)
	if v.description != "" {
		head += ", about " + quoted(plain(v.description, 1000))
	}
	room := 4*v.budget - len(head) - headRoom
	routines, cut := functionsText(c, room/8)
	room -= len(routines)
	var notes []string
	if cut > 0 {
		notes = append(notes, fmt.Sprintf("the database is too large for one prompt: %d of %d functions were not shown to the model", cut, len(c.Functions)))
	}
	body, left := v.tables(c, question, room)
	if left != "" {
		notes = append(notes, "the database is too large for one prompt: "+left)
		head += " (too many for one prompt: " + left + "; do not guess what is not here)"
	}
	body += routines
	sum := sha256.Sum256([]byte(body))
	mark := hex.EncodeToString(sum[:8])
	return excerpt{fmt.Sprintf("%s. Fingerprint %s.\n\n%s", head, mark, body), mark, notes}
}

// headRoom is kept free for what the head says beside name and description.
const headRoom = 300

// tables writes down as much as fits into room bytes, and says what was left out.
func (v view) tables(c *catalog.Catalog, question string, room int) (text, left string) {
	s := newSheet(c, c.Relations)
	s.set(c.Relations, func(r *catalog.Relation) depth { return depth{columns: true, comments: true, values: v.valuesOf(r)} })
	if text = s.text(); len(text) <= room {
		return text, ""
	}

	s.set(c.Relations, func(*catalog.Relation) depth { return depth{columns: true, comments: true} })
	if text = s.text(); len(text) <= room {
		return text, "no values were shown to the model"
	}

	ranked := rank(c, question)
	s.set(c.Relations, func(*catalog.Relation) depth { return depth{columns: true} })
	if len(s.text()) <= room {
		n := s.deepen(ranked, depth{columns: true, comments: true}, room)
		return s.text(), fmt.Sprintf("no values, and the comments of only %d of %d tables, were shown to the model", n, len(c.Relations))
	}

	// Up to half of the room is for names, which a model can ask back by.
	s = newSheet(c, c.Relations)
	named := s.deepen(ranked, depth{}, room/2)
	full := s.deepen(withReferences(c, ranked[:named]), depth{columns: true, comments: true}, room)
	return s.text(), fmt.Sprintf("%d of %d tables were shown to the model with their columns, %d more by name only", full, len(c.Relations), len(s.depth)-full)
}

// valuesOf says what is shown of the values in the columns of r. Those of keys say
// nothing to anybody.
func (v view) valuesOf(r *catalog.Relation) func(*catalog.Column) string {
	keys := append([][]string{r.PrimaryKey}, r.Unique...)
	for _, k := range r.ForeignKeys {
		keys = append(keys, k.Columns)
	}
	return func(c *catalog.Column) string {
		if slices.ContainsFunc(keys, func(key []string) bool { return slices.Contains(key, c.Name) }) {
			return ""
		}
		return valuesText(v.statistics.Column(r.OID, c.Number), c.Type, v.values)
	}
}

// renderPart writes down the tables of these names, SCHEMA.TABLE, as render does.
func (v view) renderPart(names []string) string {
	c := v.policy.Shown()
	var relations []*catalog.Relation
	for _, r := range v.policy.Catalog.Relations { // a partition too, which may be read by its own name
		if !slices.Contains(names, r.String()) {
			continue
		}
		if r = v.policy.Show(r); r != nil {
			relations = append(relations, r)
		}
	}
	s := newSheet(c, relations)
	s.set(relations, func(r *catalog.Relation) depth { return depth{columns: true, comments: true, values: v.valuesOf(r)} })
	routines, _ := functionsText(c, 4*v.budget/8)
	return "The tables that the SQL reads.\n\n" + s.text() + routines
}

// rank puts the tables that fit the question first.
func rank(c *catalog.Catalog, question string) []*catalog.Relation {
	var ranked []*catalog.Relation
	for _, m := range c.Search(question, len(c.Relations)) {
		ranked = append(ranked, m.Relation)
	}
	return eachOnce(append(ranked, c.Relations...))
}

// withReferences puts the tables that a table refers to behind it: a join needs both.
func withReferences(c *catalog.Catalog, ranked []*catalog.Relation) []*catalog.Relation {
	var out []*catalog.Relation
	for _, r := range ranked {
		out = append(out, r)
		for _, k := range r.ForeignKeys {
			if ref := c.Relation(k.RefSchema, k.RefTable); ref != nil {
				out = append(out, ref)
			}
		}
	}
	return eachOnce(out)
}

func eachOnce(relations []*catalog.Relation) []*catalog.Relation {
	seen := make(map[*catalog.Relation]bool, len(relations))
	return slices.DeleteFunc(relations, func(r *catalog.Relation) bool {
		again := seen[r]
		seen[r] = true
		return again
	})
}

package answer

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// maxContext bounds the tables that a prompt shows, in bytes: about 24,000
// tokens. Pruning below that loses tables that questions need.
const maxContext = 96 << 10

// An excerpt is what a prompt shows of a database.
type excerpt struct {
	text  string
	notes []string // what was left out; empty: nothing
}

// render writes down what the policy lets be seen of a database, in at most
// about limit bytes. The text depends on the visible part of the catalog alone:
// not on statistics, on the server's version or on time, and, unless it must be
// cut, not on the question. Then tables that fit the question are shown in full,
// and others by name only.
func render(p *policy.Policy, description, question string, limit int) excerpt {
	c := p.Shown()
	head := "The tables of database " + quoted(p.Database)
	if description != "" {
		head += ", about " + quoted(plain(description, 1000))
	}
	tables := c.Relations
	named, full := choose(c, question, limit)
	var notes []string
	if len(full) < len(tables) {
		notes = append(notes, fmt.Sprintf("the database is too large for one prompt: %d of %d tables were shown to the model with their columns, %d more by name only", len(full), len(tables), len(named)-len(full)))
		head += fmt.Sprintf(" (too many for one prompt: only %d of %d have their columns here; do not guess the columns of the others)", len(full), len(tables))
	}

	var body strings.Builder
	for _, r := range named {
		if full[r] {
			body.WriteString(fullText(r))
		} else {
			body.WriteString(nameLine(r))
		}
	}
	writeEnums(&body, c, full)
	writeFunctions(&body, c)
	sum := sha256.Sum256([]byte(body.String()))
	return excerpt{fmt.Sprintf("%s. Fingerprint %x.\n\n%s", head, sum[:8], &body), notes}
}

// renderPart writes down the tables of these names, SCHEMA.TABLE, as render does.
func renderPart(p *policy.Policy, names []string) string {
	c := p.Shown()
	var b strings.Builder
	b.WriteString("The tables that the SQL reads.\n\n")
	full := map[*catalog.Relation]bool{}
	for _, r := range p.Catalog.Relations { // a partition too, which may be read by its own name
		if !slices.Contains(names, r.String()) {
			continue
		}
		if r = p.Show(r); r != nil {
			full[r] = true
			b.WriteString(fullText(r))
		}
	}
	writeEnums(&b, c, full)
	writeFunctions(&b, c)
	return b.String()
}

// choose says which tables are shown, and which of them in full: all of them
// within the limit, else those that fit the question best, with up to half of
// the limit for names.
func choose(c *catalog.Catalog, question string, limit int) (named []*catalog.Relation, full map[*catalog.Relation]bool) {
	full = map[*catalog.Relation]bool{}
	left := limit
	for _, r := range c.Relations {
		if left -= len(fullText(r)); left < 0 {
			break
		}
		full[r] = true
	}
	if len(full) == len(c.Relations) {
		return c.Relations, full
	}

	clear(full)
	left = limit
	for _, r := range rank(c, question) {
		n := len(nameLine(r))
		if left-n < limit/2 {
			break
		}
		left -= n
		named = append(named, r)
	}
	for _, r := range named {
		if n := len(fullText(r)); n <= left {
			left -= n
			full[r] = true
		}
	}
	slices.SortFunc(named, func(a, b *catalog.Relation) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
	return named, full
}

// rank puts the tables that fit the question first.
func rank(c *catalog.Catalog, question string) []*catalog.Relation {
	matches := c.Search(question, len(c.Relations))
	ranked := make([]*catalog.Relation, 0, len(c.Relations))
	found := make(map[*catalog.Relation]bool, len(matches))
	for _, m := range matches {
		ranked = append(ranked, m.Relation)
		found[m.Relation] = true
	}
	for _, r := range c.Relations {
		if !found[r] {
			ranked = append(ranked, r)
		}
	}
	return ranked
}

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
	v := newViewer(p)
	head := "The tables of database " + quoted(p.Database)
	if description != "" {
		head += ", about " + quoted(plain(description, 1000))
	}
	tables := v.tables()
	named, full := v.choose(tables, question, limit)
	var notes []string
	if len(full) < len(tables) {
		notes = append(notes, fmt.Sprintf("the database is too large for one prompt: %d of %d tables were shown to the model with their columns, %d more by name only", len(full), len(tables), len(named)-len(full)))
		head += fmt.Sprintf(" (too many for one prompt: only %d of %d have their columns here; do not guess the columns of the others)", len(full), len(tables))
	}

	var body strings.Builder
	for _, r := range named {
		if full[r] {
			body.WriteString(v.full(r))
		} else {
			body.WriteString(v.name(r))
		}
	}
	v.types(&body, full)
	v.functions(&body)
	sum := sha256.Sum256([]byte(body.String()))
	return excerpt{fmt.Sprintf("%s. Fingerprint %x.\n\n%s", head, sum[:8], &body), notes}
}

// renderPart writes down the tables of these names, SCHEMA.TABLE, as render does.
func renderPart(p *policy.Policy, names []string) string {
	v := newViewer(p)
	var b strings.Builder
	b.WriteString("The tables that the SQL reads.\n\n")
	full := map[*catalog.Relation]bool{}
	for _, r := range p.Catalog.Relations {
		if slices.Contains(names, r.String()) && p.Relation(r) && writable(r.Name) {
			full[r] = true
			b.WriteString(v.full(r))
		}
	}
	v.types(&b, full)
	v.functions(&b)
	return b.String()
}

// choose says which tables are shown, and which of them in full: all of them
// within the limit, else those that fit the question best, with up to half of
// the limit for names.
func (v *viewer) choose(tables []*catalog.Relation, question string, limit int) (named []*catalog.Relation, full map[*catalog.Relation]bool) {
	full = map[*catalog.Relation]bool{}
	left := limit
	for _, r := range tables {
		if left -= len(v.full(r)); left < 0 {
			break
		}
		full[r] = true
	}
	if len(full) == len(tables) {
		return tables, full
	}

	clear(full)
	left = limit
	ranked := v.rank(tables, question)
	for _, r := range ranked {
		n := len(v.name(r))
		if left-n < limit/2 {
			break
		}
		left -= n
		named = append(named, r)
	}
	for _, r := range named {
		if n := len(v.full(r)); n <= left {
			left -= n
			full[r] = true
		}
	}
	slices.SortFunc(named, byName)
	return named, full
}

// rank puts the tables that fit the question first.
func (v *viewer) rank(tables []*catalog.Relation, question string) []*catalog.Relation {
	rank := make(map[*catalog.Relation]int, len(tables))
	matches := v.policy.Catalog.Search(question, len(tables), v.policy.Relation, v.policy.Column)
	for i, m := range matches {
		rank[m.Relation] = i - len(matches) // below 0, which the others have
	}
	return slices.SortedStableFunc(slices.Values(tables), func(a, b *catalog.Relation) int {
		return cmp.Compare(rank[a], rank[b])
	})
}

package catalog

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
)

// A Match is a relation that fits words, best first; Score has no unit.
type Match struct {
	Relation *Relation
	Score    float64
	Why      string // "name", "column", "comment", or "foreign key of SCHEMA.TABLE"
}

// Search ranks relations by how well their names, columns and comments fit the
// words, and adds foreign-key neighbours of good ones, best first; equal ones by
// name. A word that nothing has stands for the words that look like it. Without
// words there is nothing to match.
func (c *Catalog) Search(words string, limit int) []Match {
	s := &search{index: c.searchIndex(), scores: map[*Relation]*score{}}
	for _, w := range queryWords(words) {
		if s.add(w, 1) {
			continue
		}
		for _, l := range s.index.alike(w) {
			s.add(l.word, l.similarity)
		}
	}
	matches := s.matches()
	matches = append(matches, s.neighbours(c, matches)...)
	sortMatches(matches)
	return matches[:min(limit, len(matches))]
}

// queryWords are the words that matter, each once.
func queryWords(text string) []string {
	var all, telling []string
	for w := range words(text) {
		if slices.Contains(all, w) {
			continue
		}
		all = append(all, w)
		if !isStopWord(w) {
			telling = append(telling, w)
		}
	}
	if len(telling) == 0 {
		return all // a table may be named "list"
	}
	return telling
}

// A field is where in a relation a word stands.
type field int

const (
	inName field = iota
	inColumn
	inComment
)

func (f field) String() string { return [...]string{"name", "column", "comment"}[f] }

// A posting says that a word stands in a relation: in its name or comment, or
// in the name, comment or enum's labels of a column.
type posting struct {
	relation *Relation
	field    field
	weight   float32
}

// searchIndex is where each word stands.
type searchIndex struct {
	postings map[string][]posting
	length   map[*Relation]float64 // sum of the weights
	average  float64
	grams    map[string][]string // trigrams of each word
}

// searchIndex is made by the first search.
func (c *Catalog) searchIndex() *searchIndex {
	x := c.lookup()
	x.searchOnce.Do(func() {
		s := &searchIndex{postings: map[string][]posting{}, length: map[*Relation]float64{}, grams: map[string][]string{}}
		for _, r := range c.Relations {
			if r.Kind != Sequence {
				s.index(c, r)
			}
		}
		for w := range s.postings {
			s.grams[w] = trigrams(w)
		}
		for _, r := range c.Relations { // in order, so that the sum is always the same
			s.average += s.length[r] / float64(len(s.length))
		}
		x.search = s
	})
	return x.search
}

func (s *searchIndex) index(c *Catalog, r *Relation) {
	// A name of one word says more with that word than one of three.
	add := func(text string, f field, weight float64) {
		for w := range words(text) {
			s.postings[w] = append(s.postings[w], posting{r, f, float32(weight)})
			s.length[r] += weight
		}
	}
	parts := 0
	for range words(r.Name) {
		parts++
	}
	add(r.Name, inName, 6/float64(1+parts))
	add(r.Comment, inComment, 1)
	for i := range r.Columns {
		column := &r.Columns[i]
		add(column.Name, inColumn, 1)
		add(column.Comment, inComment, 0.5)
		if e := c.Enum(column.TypeOID); e != nil {
			add(strings.Join(e.Labels, " "), inColumn, 0.5)
		}
	}
}

type alike struct {
	word       string
	similarity float64
}

// alike are the words that look most like a word that nothing has.
func (s *searchIndex) alike(w string) []alike {
	const threshold, most = 0.3, 3
	grams := trigrams(w)
	var found []alike
	for other, g := range s.grams {
		if n := similarity(grams, g); n >= threshold {
			found = append(found, alike{other, n})
		}
	}
	slices.SortFunc(found, func(a, b alike) int {
		return cmp.Or(cmp.Compare(b.similarity, a.similarity), cmp.Compare(a.word, b.word))
	})
	return found[:min(most, len(found))]
}

type search struct {
	index  *searchIndex
	scores map[*Relation]*score
}

type score struct {
	total  float64
	fields [3]float64
}

// add scores the relations that have a word by BM25 and reports whether there are any.
func (s *search) add(word string, factor float64) bool {
	const k1, b = 1.2, 0.3 // b is low: a wide table is not less relevant for its width
	found := map[*Relation]*[3]float64{}
	for _, p := range s.index.postings[word] {
		if found[p.relation] == nil {
			found[p.relation] = &[3]float64{}
		}
		found[p.relation][p.field] += float64(p.weight)
	}
	n, all := float64(len(found)), float64(len(s.index.length))
	rarity := math.Log(1 + (all-n+0.5)/(n+0.5))
	for r, fields := range found {
		if s.scores[r] == nil {
			s.scores[r] = &score{}
		}
		frequency := fields[inName] + fields[inColumn] + fields[inComment]
		gain := factor * rarity * frequency * (k1 + 1) / (frequency + k1*(1-b+b*s.index.length[r]/s.index.average))
		s.scores[r].total += gain
		for f := range fields {
			s.scores[r].fields[f] += gain * fields[f] / frequency
		}
	}
	return len(found) > 0
}

func (s *search) matches() []Match {
	matches := make([]Match, 0, len(s.scores))
	for r, got := range s.scores {
		why := inName
		for f := inColumn; f <= inComment; f++ {
			if got.fields[f] > got.fields[why] {
				why = f
			}
		}
		matches = append(matches, Match{r, got.total, why.String()})
	}
	sortMatches(matches)
	return matches
}

// neighbours are relations that good matches refer to or are referred to by, and
// that do not match themselves.
func (s *search) neighbours(c *Catalog, matches []Match) []Match {
	const good, share = 0.5, 0.25
	found := map[*Relation]Match{}
	offer := func(r *Relation, from Match) {
		score := share * from.Score
		if s.scores[r] == nil && score > found[r].Score {
			found[r] = Match{r, score, "foreign key of " + from.Relation.String()}
		}
	}
	best := map[*Relation]Match{}
	for _, m := range matches {
		if m.Score >= good*matches[0].Score {
			best[m.Relation] = m
		}
	}
	for _, r := range c.Relations {
		for _, k := range r.ForeignKeys {
			ref := c.Relation(k.RefSchema, k.RefTable)
			if ref == nil {
				continue
			}
			if m, ok := best[r]; ok {
				offer(ref, m)
			}
			if m, ok := best[ref]; ok {
				offer(r, m)
			}
		}
	}
	return slices.Collect(maps.Values(found))
}

func sortMatches(matches []Match) {
	slices.SortFunc(matches, func(a, b Match) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score),
			cmp.Compare(a.Relation.Schema, b.Relation.Schema), cmp.Compare(a.Relation.Name, b.Relation.Name))
	})
}

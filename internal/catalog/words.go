package catalog

import (
	"iter"
	"slices"
	"strings"
	"unicode"
)

// words are the stems of the words in a name or a text: "orderLines",
// "order_lines" and "Order lines" are all "order" and "line".
func words(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		runes := []rune(text)
		for from := 0; from < len(runes); {
			kind := kindOf(runes[from])
			to := from + 1
			for to < len(runes) && kind != neither && !startsWord(runes, to) {
				to++
			}
			if kind != neither && !yield(stem(strings.ToLower(string(runes[from:to])))) {
				return
			}
			from = to
		}
	}
}

type runeKind int

const (
	neither runeKind = iota
	letter
	digit
)

func kindOf(r rune) runeKind {
	switch {
	case unicode.IsLetter(r), unicode.IsMark(r):
		return letter
	case unicode.IsDigit(r):
		return digit
	default:
		return neither
	}
}

// startsWord reports whether a word starts at i: "a1", "aB" and the last letter
// of "HTTPServer"'s "HTTPS" are such places.
func startsWord(runes []rune, i int) bool {
	before, at := runes[i-1], runes[i]
	switch {
	case kindOf(before) != kindOf(at):
		return true
	case unicode.IsUpper(at):
		return !unicode.IsUpper(before) || i+1 < len(runes) && unicode.IsLower(runes[i+1])
	default:
		return false
	}
}

// stem takes the plural off an English word, roughly and the same for query and
// name: "categories" and "category" are "category", "movie" and "movies" "movy".
func stem(w string) string {
	switch {
	case len(w) < 4, strings.HasSuffix(w, "ss"), strings.HasSuffix(w, "us"), strings.HasSuffix(w, "is"):
		return w
	case slices.ContainsFunc([]string{"sses", "xes", "ches", "shes", "zzes"}, func(end string) bool { return strings.HasSuffix(w, end) }):
		return w[:len(w)-2]
	}
	w = strings.TrimSuffix(w, "s")
	if strings.HasSuffix(w, "ie") {
		return w[:len(w)-2] + "y"
	}
	return w
}

// isStopWord reports whether a word of a question says nothing about what is asked.
func isStopWord(w string) bool {
	_, stop := slices.BinarySearch(stopWords, w)
	return stop
}

// stopWords are stems, sorted.
var stopWords = []string{
	"a", "all", "an", "and", "any", "are", "as", "at", "be", "been", "between", "by", "can", "did", "do", "doe", "each", "ever",
	"every", "find", "for", "from", "get", "give", "had", "has", "have", "how", "i", "in", "is", "it", "its", "list", "many", "me",
	"most", "much", "my", "not", "of", "on", "or", "our", "per", "show", "that", "the", "their", "there", "these", "they", "this",
	"to", "us", "was", "we", "were", "what", "when", "where", "which", "who", "whose", "why", "with", "you",
}

// trigrams are the runs of three letters in a word, counted as pg_trgm counts
// them: with two blanks before and one behind. Sorted, each once.
func trigrams(w string) []string {
	runes := []rune("  " + w + " ")
	var grams []string
	for i := range len(runes) - 2 {
		grams = append(grams, string(runes[i:i+3]))
	}
	slices.Sort(grams)
	return slices.Compact(grams)
}

// similarity is the share of the trigrams of two words that they have in common, 0 to 1.
func similarity(a, b []string) float64 {
	common := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch strings.Compare(a[i], b[j]) {
		case 0:
			common++
			i++
			j++
		case -1:
			i++
		default:
			j++
		}
	}
	return float64(common) / float64(len(a)+len(b)-common)
}

// Package nearest finds what somebody probably meant to write. It knows names
// only: which of them may be told is its callers' affair.
package nearest

import "strings"

// Name is the one of the names among that a mistyped name was probably meant to
// be: at most about a third of its letters are wrong, whatever their case. It
// is "" if there is none, and of equally near ones the first in among.
func Name(mistyped string, among []string) string {
	a := []rune(strings.ToLower(mistyped))
	best, nearest := (len(a)+1)/3+1, "" // above every distance that still counts as near
	for _, candidate := range among {
		b := []rune(strings.ToLower(candidate))
		if max(len(a)-len(b), len(b)-len(a)) >= best {
			continue
		}
		if d := distance(a, b); d < best {
			best, nearest = d, candidate
		}
	}
	return nearest
}

// distance is how many letters must be put in, left out, replaced or swapped with
// their neighbour to make b of a.
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

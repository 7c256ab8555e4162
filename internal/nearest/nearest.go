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
		if d := distance(a, b, best); d < best {
			best, nearest = d, candidate
		}
	}
	return nearest
}

// distance is how many letters must be put in, left out, replaced or swapped with
// their neighbour to make b of a. What is not below limit may come out as limit.
func distance(a, b []rune, limit int) int {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	nearestBefore := 0 // the least of the row before
	for i := range a {
		row[0] = i + 1
		least := i + 1
		for j := range b {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
			least = min(least, row[j+1])
		}
		if least >= limit && nearestBefore >= limit { // a swap reaches over one row
			return limit
		}
		nearestBefore = least
		before, last, row = last, row, before
	}
	return last[len(b)]
}

package config

import "iter"

// nearest is the candidate that a typing mistake most likely made into name, or "".
func nearest(name string, candidates iter.Seq[string]) string {
	best, least := "", min(2, len(name)/2)+1
	for c := range candidates {
		if d := edits(name, c); d < least || d == least && c < best {
			best, least = c, d
		}
	}
	return best
}

// edits is the Levenshtein distance of two names.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal, row[j+1] = row[j+1], min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

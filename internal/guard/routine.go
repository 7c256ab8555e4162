package guard

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// routinesText lists the names of all routines in pg_catalog of every supported
// server, each with the numbers of arguments that it can be called with, up to 9.
// Which of them may be called is the policy's to say. The tests in oracle compare
// and rewrite it.
//
//go:embed routines.txt
var routinesText string

// routines are the numbers of arguments by name. A bare name that is among them
// means PostgreSQL's own routine first, whatever users have made.
var routines = sync.OnceValue(func() map[string]string {
	table := map[string]string{}
	for line := range strings.Lines(routinesText) {
		name, counts, _ := strings.Cut(strings.TrimSpace(line), " ")
		table[name] = counts
	}
	return table
})

func isRoutine(name string) bool {
	_, ok := routines()[name]
	return ok
}

// takes reports whether pg_catalog has a routine of the name that can be called
// with so many arguments.
func takes(name string, arguments int) bool {
	return slices.Contains(strings.Fields(routines()[name]), string(rune('0'+arguments)))
}

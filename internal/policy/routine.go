package policy

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

// routinesText says what it is itself.
//
//go:embed routines.txt
var routinesText string

// A Routine is what PostgreSQL's own functions of one name are: whether they may
// be called, and with how many arguments.
type Routine struct {
	Class  Class
	counts []arity
}

// A Class is the verdict on a routine: [Harmless], [Bounded], or the reason why it
// may not be called. The empty one is no verdict, and refuses.
type Class string

// The classes of routines that may be called. The others are described in routines.txt.
const (
	Harmless Class = "allow"   // whatever it is given
	Bounded  Class = "bounded" // if its arguments are bounded
)

// reasons say of each class that may not be called what its routines do.
var reasons = map[Class]string{
	"catalog":       "it looks up names, definitions, privileges or sizes",
	"files":         "it reads or lists files of the server",
	"internal":      "it is there for PostgreSQL itself",
	"large_objects": "it reads or writes large objects",
	"locks":         "it takes or shows locks",
	"maintenance":   "it changes indexes, statistics or the catalogs",
	"replication":   "it is about the write-ahead log, backups, replication or recovery",
	"sequences":     "it reads or moves sequences",
	"server":        "it shows or acts on the server's process",
	"sessions":      "it shows or acts on sessions",
	"settings":      "it reads or changes settings",
	"sleep":         "it waits",
	"statements":    "it takes a statement, or the name of a table, as text",
	"statistics":    "it shows or resets statistics",
	"transactions":  "it shows or assigns transaction IDs",
}

// MayBeCalled reports whether the class is one of those that may.
func (c Class) MayBeCalled() bool { return c == Harmless || c == Bounded }

// Reason says what a routine of the class does that may not be: "it waits". It is
// empty for those that may be called.
func (c Class) Reason() string { return reasons[c] }

// An arity is a number of arguments with the releases that have a function of it.
type arity struct {
	arguments   int
	more        bool // or any greater number
	first, last int  // major versions; 0: from the oldest on, to the newest
}

// RoutineNamed finds PostgreSQL's own routine of a name, of whatever release, or
// returns nil.
func RoutineNamed(name string) *Routine { return routines()[name] }

// In reports whether a release, such as 16, has the routine.
func (r *Routine) In(release int) bool {
	for _, a := range r.counts {
		if a.in(release) {
			return true
		}
	}
	return false
}

// Since is the first release that has the routine; 0 is the oldest supported one.
func (r *Routine) Since() int {
	first := r.counts[0].first
	for _, a := range r.counts {
		first = min(first, a.first)
	}
	return first
}

// Takes reports whether the routine of a release can be called with so many arguments.
func (r *Routine) Takes(arguments, release int) bool {
	for _, a := range r.counts {
		if a.in(release) && (a.arguments == arguments || a.more && a.arguments < arguments) {
			return true
		}
	}
	return false
}

func (a arity) in(release int) bool {
	return release >= a.first && (a.last == 0 || release <= a.last)
}

var routines = sync.OnceValue(func() map[string]*Routine { return parseRoutines(routinesText) })

// parseRoutines reads lines of a name, a class and the numbers of arguments.
func parseRoutines(text string) map[string]*Routine {
	all := map[string]*Routine{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		r := &Routine{Class: Class(fields[1])}
		for _, field := range fields[2:] {
			r.counts = append(r.counts, parseArity(field))
		}
		all[fields[0]] = r
	}
	return all
}

// parseArity reads 2, 1+, 2@16- or 1@-17.
func parseArity(text string) arity {
	count, releases, _ := strings.Cut(text, "@")
	first, last, _ := strings.Cut(releases, "-")
	var a arity
	count, a.more = strings.CutSuffix(count, "+")
	a.arguments, _ = strconv.Atoi(count)
	a.first, _ = strconv.Atoi(first)
	a.last, _ = strconv.Atoi(last)
	return a
}

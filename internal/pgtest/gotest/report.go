package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// counts are of tests and subtests; a package that fails by itself is one more.
type counts struct{ passed, failed, skipped int }

func (c counts) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.passed, c.failed, c.skipped)
}

// An event is a line of go test -json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

var noise = regexp.MustCompile(`^(=== |coverage: |PASS\n|FAIL\n)`)

// report prints what a person wants to see of the events: packages, benchmarks,
// and the output of what failed or was skipped.
func report(w io.Writer, events io.Reader) (counts, error) {
	type test struct{ pkg, name string }
	var n counts
	said := map[test]string{}
	failedIn := map[string]bool{}
	decoder := json.NewDecoder(events)
	for {
		var e event
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, fmt.Errorf("read go test's events: %w", err)
		}
		t := test{e.Package, e.Test}
		switch {
		case e.Action == "build-output":
			fmt.Fprint(w, e.Output)
		case e.Action == "output":
			if !noise.MatchString(e.Output) {
				said[t] += e.Output
			}
			if strings.Contains(e.Output, " ns/op") { // ends a benchmark's line, which may come in parts
				before := strings.LastIndexByte(strings.TrimSuffix(said[t], "\n"), '\n')
				fmt.Fprint(w, said[t][before+1:])
			}
			continue
		case e.Action == "pass" && e.Test == "":
			fmt.Fprintf(w, "ok  \t%s\t%.3fs\n", e.Package, e.Elapsed)
		case e.Action == "pass":
			n.passed++
		case e.Action == "fail" && e.Test == "":
			fmt.Fprint(w, said[t])
			if !failedIn[e.Package] {
				n.failed++
			}
		case e.Action == "fail":
			fmt.Fprint(w, said[t])
			failedIn[e.Package] = true
			n.failed++
		case e.Action == "skip" && e.Test != "":
			fmt.Fprint(w, said[t])
			n.skipped++
		default:
			continue
		}
		delete(said, t)
	}
}

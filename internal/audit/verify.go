package audit

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// A Report is what [Verify] finds.
type Report struct {
	Files    int
	Lines    int64
	First    int64  // the number of the first line; beyond 1, older files were not given
	Last     int64  // the number of the last line
	Head     string // the hash of the last line
	Vouched  int64  // the number of the line that the given head is of; 0: none was given
	Problems []Problem
}

// A Problem is a place at which lines were tampered with or damaged.
type Problem struct {
	File    string
	Line    int // in the file, from 1
	Message string
}

func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message) }

// Verify follows the chain through files, which may be given in any order. Lines
// that were removed, changed or moved are problems, and where head is not empty
// it must be the hash of one of the lines: if the end was cut off or changed, none
// has it. The error is of a file that cannot be read.
//
// Without a head nobody can see that lines were cut off at the end, or that the
// whole of it was written anew.
func Verify(files []string, head string) (Report, error) {
	files, err := inOrder(files)
	if err != nil {
		return Report{}, err
	}
	r := Report{Files: len(files)}
	var c chain
	last := Problem{File: files[0]} // the place of the newest line
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return r, err
		}
		lines := 0
		torn, err := walk(f, func(number int, line []byte) {
			lines = number
			at := Problem{name, number, ""}
			if broken := c.follow(line); broken != nil {
				if broken.before {
					at = last
				}
				at.Message = broken.message
				r.Problems = append(r.Problems, at)
			}
			r.Lines++
			r.First = cmp.Or(r.First, c.seq)
			last = Problem{name, number, ""}
			if head != "" && c.head == head {
				r.Vouched = c.seq
			}
		})
		f.Close()
		if err != nil {
			return r, fmt.Errorf("read %s: %w", name, err)
		}
		if torn > 0 {
			r.Problems = append(r.Problems, Problem{name, lines + 1, "is not written to its end"})
		}
	}
	r.Last, r.Head = c.seq, c.head
	if head != "" && r.Vouched == 0 {
		last.Message = fmt.Sprintf("no line has the hash %s: lines were cut off after this one, or it was changed", head)
		r.Problems = append(r.Problems, last)
	}
	return r, nil
}

// inOrder is files by the number of the first line of each. One that does not
// begin with a line stays where it was given.
func inOrder(files []string) ([]string, error) {
	type start struct {
		name string
		seq  int64
	}
	var starts []start
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		line, _ := bufio.NewReader(f).ReadBytes('\n')
		f.Close()
		var first link
		_ = json.Unmarshal(line, &first)
		starts = append(starts, start{name, first.Seq})
	}
	slices.SortStableFunc(starts, func(a, b start) int { return cmp.Compare(a.seq, b.seq) })
	var out []string
	for _, s := range starts {
		out = append(out, s.name)
	}
	return out, nil
}

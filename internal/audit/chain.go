package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// A chain is how far lines have been followed.
type chain struct {
	seq  int64  // of the newest line; 0: there was none
	head string // its hash
}

// A link is what a line says of its place in the chain.
type link struct {
	Seq  int64  `json:"seq"`
	Prev string `json:"prev"`
}

// A fault is where a chain breaks.
type fault struct {
	before  bool // it is the line before that is wrong
	message string
}

// follow goes on to the next line, and says what is wrong between the two. The
// first line of all may be any: older ones may have been moved away.
func (c *chain) follow(line []byte) *fault {
	var next link
	if err := json.Unmarshal(line, &next); err != nil || next.Seq < 1 || len(next.Prev) != len(origin) {
		return &fault{message: "is no line of an audit log"}
	}
	was := *c
	*c = chain{next.Seq, hash(line)}
	switch {
	case was.seq == 0 && next.Seq == 1 && next.Prev != origin:
		return &fault{message: "line 1 was changed: it holds the hash of a line before it"}
	case was.seq == 0:
		return nil
	case next.Seq == was.seq+2:
		return &fault{message: fmt.Sprintf("line %d is missing before it", was.seq+1)}
	case next.Seq > was.seq+1:
		return &fault{message: fmt.Sprintf("lines %d to %d are missing before it", was.seq+1, next.Seq-1)}
	case next.Seq <= was.seq:
		return &fault{message: fmt.Sprintf("line %d stands after line %d: it was moved or repeated", next.Seq, was.seq)}
	case next.Prev != was.head:
		return &fault{before: true, message: fmt.Sprintf("line %d was changed: line %d holds another hash of it", was.seq, next.Seq)}
	}
	return nil
}

// walk hands the lines of r to visit, each without its end, and returns how many
// bytes after the last whole line are none.
func walk(r io.Reader, visit func(number int, line []byte)) (torn int64, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return int64(len(line)), nil
		}
		if err != nil {
			return 0, err
		}
		visit(number, bytes.TrimSuffix(line, []byte("\n")))
	}
}

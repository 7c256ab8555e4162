package guard

import (
	"strings"
	"unicode/utf8"
)

// The bounds of the text gate. They keep the depth of PostgreSQL's parser, which
// recurses once a level, far below the smallest stack that a thread is given.
const (
	maxTokens    = 4000
	maxOperators = 500 // in one expression, brackets counted as well
	maxNesting   = 200 // open brackets and CASEs
	maxJoins     = 100 // and as many set operations
	maxComments  = 64  // nested comments cost the lexer quadratic time
)

// checkText refuses what must not reach the parser at all. It runs before any
// call into C, in linear time.
func checkText(sql string) *Refusal {
	if len(sql) > MaxStatement {
		return &Refusal{Code: TooLong, Message: "the statement is longer than 16 KiB", Hint: "ask for less in one statement"}
	}
	if at := strings.IndexByte(sql, 0); at >= 0 {
		return &Refusal{Code: BadText, Message: "the statement holds a NUL byte", Position: position(sql, at)}
	}
	if !utf8.ValidString(sql) {
		return &Refusal{Code: BadText, Message: "the statement is not valid UTF-8", Position: invalidAt(sql)}
	}
	return checkShape(sql)
}

func invalidAt(sql string) int {
	n := 1
	for i := 0; i < len(sql); n++ {
		r, size := utf8.DecodeRuneInString(sql[i:])
		if r == utf8.RuneError && size == 1 {
			return n
		}
		i += size
	}
	return 0
}

// position is the place of a byte offset, in characters from 1.
func position(sql string, offset int) int {
	return utf8.RuneCountInString(sql[:min(max(offset, 0), len(sql))]) + 1
}

// level is one open bracket, or the statement itself. height bounds how deep a
// parse tree the text so far can need: operators in a row may each be a level
// of it, operands side by side are not.
type level struct {
	open    byte // '(', '[' or 'c' for CASE
	height  int  // of the operand list being read
	tallest int  // of the ones before it
}

// checkShape scans the tokens and bounds how many there are and how deep they nest.
func checkShape(sql string) *Refusal {
	s := scanner{text: sql}
	levels := []level{{}}
	tokens, joins, setops := 0, 0, 0
	for s.next() {
		if tokens++; tokens > maxTokens {
			return tooComplex(sql, s.start, "the statement has more than 4000 words and symbols")
		}
		top := &levels[len(levels)-1]
		switch s.kind {
		case openToken:
			levels = append(levels, level{open: s.text[s.start]})
		case closeToken:
			levels = closeLevel(levels, matching(s.text[s.start]))
		case separatorToken:
			top.next()
		case operatorToken:
			top.height++
		case wordToken:
			switch kindOfWord(s.word()) {
			case chains:
				top.height++
			case separates:
				top.next()
			case joinsTables:
				joins++
			case joinsQueries:
				top.next()
				setops++
			case opensCase:
				levels = append(levels, level{open: 'c'})
			case endsCase:
				levels = closeLevel(levels, 'c')
			}
		}
		top = &levels[len(levels)-1]
		switch {
		case top.height > maxOperators:
			return tooComplex(sql, s.start, "the expression has more than 500 operators in a row")
		case len(levels) > maxNesting:
			return tooComplex(sql, s.start, "brackets are nested more than 200 deep")
		case joins > maxJoins, setops > maxJoins:
			return tooComplex(sql, s.start, "the statement has more than 100 joins or set operations")
		}
	}
	if s.comments > maxComments {
		return &Refusal{Code: TooLong, Message: "the statement has more than 64 comments", Hint: "leave the comments out"}
	}
	return nil
}

func tooComplex(sql string, offset int, message string) *Refusal {
	return &Refusal{Code: TooLong, Message: message, Position: position(sql, offset), Hint: "ask for less in one statement"}
}

func (l *level) next() {
	l.tallest, l.height = max(l.tallest, l.height), 0
}

// closeLevel ends the innermost level if it was opened by open; what does not
// match is left for the parser to complain about.
func closeLevel(levels []level, open byte) []level {
	last := len(levels) - 1
	if last == 0 || levels[last].open != open {
		return levels
	}
	levels[last-1].height += 1 + max(levels[last].height, levels[last].tallest)
	return levels[:last]
}

func matching(bracket byte) byte {
	if bracket == ')' {
		return '('
	}
	return '['
}

type wordKind uint8

const (
	plain        wordKind = iota
	chains                // makes the tree deeper, as an operator does
	separates             // starts an operand that stands beside the ones before
	joinsTables           // JOIN
	joinsQueries          // UNION, INTERSECT, EXCEPT
	opensCase
	endsCase
)

func kindOfWord(word string) wordKind {
	switch strings.ToLower(word) {
	case "not", "is", "isnull", "notnull", "collate", "at", "like", "ilike", "similar", "between",
		"in", "overlaps", "escape":
		return chains
	case "and", "or", "when", "then", "else", "select", "from", "where", "on", "using", "group", "having",
		"window", "order", "limit", "offset", "fetch", "values", "with", "as":
		return separates
	case "join":
		return joinsTables
	case "union", "intersect", "except":
		return joinsQueries
	case "case":
		return opensCase
	case "end":
		return endsCase
	}
	return plain
}

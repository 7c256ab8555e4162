package guard

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pgmcp/pgmcp/internal/policy"
)

// The bounds of the text gate that no setting moves. They keep the depth of
// PostgreSQL's parser, which recurses once a level, far below the smallest stack
// that a thread is given. How long a statement may be is the policy's to say: a
// long one takes time, and no stack.
const (
	maxOperators = 500 // in one expression, brackets counted as well
	maxNesting   = 200 // open brackets and CASEs
	maxJoins     = 100 // and as many set operations
	maxComments  = 64  // nested comments cost the lexer quadratic time
)

// checkText refuses what must not reach the parser at all. It runs before any
// call into C, in linear time.
func checkText(sql string, limits policy.Limits) *Refusal {
	if int64(len(sql)) > limits.MaxStatementSize {
		return &Refusal{Code: TooLong, Message: "the statement is longer than " + inKiB(limits.MaxStatementSize), Hint: askForLess}
	}
	if at := strings.IndexByte(sql, 0); at >= 0 {
		return &Refusal{Code: BadText, Message: "the statement holds a NUL byte", Position: position(sql, at)}
	}
	if !utf8.ValidString(sql) {
		return &Refusal{Code: BadText, Message: "the statement is not valid UTF-8", Position: invalidAt(sql)}
	}
	return checkShape(sql, limits.MaxTokens)
}

// askForLess is a hint.
const askForLess = "ask for less in one statement"

func inKiB(bytes int64) string {
	if bytes%1024 == 0 {
		return fmt.Sprintf("%d KiB", bytes/1024)
	}
	return fmt.Sprintf("%d bytes", bytes)
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
	open     byte // '(', '[' or 'c' for CASE
	height   int  // of the operand list being read
	tallest  int  // of the ones before it
	betweens int  // BETWEENs of it that still want their AND
}

func (l *level) next() {
	l.tallest, l.height, l.betweens = max(l.tallest, l.height), 0, 0
}

// A gauge measures how deep a statement nests.
type gauge struct {
	levels []level
	joins  int
	setops int
	before string // the token before, if it was a word or a dot
}

// checkShape scans the tokens and bounds how many there are and how deep they nest.
func checkShape(sql string, maxTokens int) *Refusal {
	s := scanner{text: sql}
	g := gauge{levels: []level{{}}}
	for tokens := 1; s.next(); tokens++ {
		if tokens > maxTokens {
			return tooComplex(sql, s.start, "the statement has more than %d words and symbols", maxTokens)
		}
		g.add(&s)
		switch {
		case g.top().height > maxOperators:
			return tooComplex(sql, s.start, "the expression has more than %d operators in a row", maxOperators)
		case len(g.levels) > maxNesting:
			return tooComplex(sql, s.start, "brackets are nested more than %d deep", maxNesting)
		case g.joins > maxJoins, g.setops > maxJoins:
			return tooComplex(sql, s.start, "the statement has more than %d joins or set operations", maxJoins)
		}
	}
	if s.comments > maxComments {
		return &Refusal{Code: TooLong, Message: fmt.Sprintf("the statement has more than %d comments", maxComments), Hint: "leave the comments out"}
	}
	return nil
}

func tooComplex(sql string, offset int, format string, bound int) *Refusal {
	return &Refusal{Code: TooLong, Message: fmt.Sprintf(format, bound), Position: position(sql, offset), Hint: askForLess}
}

func (g *gauge) top() *level { return &g.levels[len(g.levels)-1] }

// add takes in the token at which s stands.
func (g *gauge) add(s *scanner) {
	before := g.before
	g.before = ""
	switch s.kind {
	case openToken:
		g.levels = append(g.levels, level{open: s.text[s.start]})
	case closeToken:
		g.closeBracket(matching(s.text[s.start]))
	case separatorToken:
		g.top().next()
	case operatorToken:
		g.top().height++
	case otherToken:
		g.before = s.word()
	case wordToken:
		g.before = strings.ToLower(s.word())
		if before != "." { // behind a dot every keyword is a name
			g.keyword(g.before, before)
		}
	}
}

// keyword takes in a word. Only words that are never names may say that an
// operand ends, and only where they do.
func (g *gauge) keyword(word, before string) {
	switch word {
	case "not", "is", "isnull", "notnull", "collate", "at", "like", "ilike", "similar", "in", "overlaps", "escape":
		g.top().height++
	case "between":
		g.top().height++
		g.top().betweens++
	case "and":
		if g.top().betweens == 0 {
			g.top().next()
		} else {
			g.top().betweens--
		}
	case "from":
		if before != "distinct" { // of IS DISTINCT FROM
			g.top().next()
		}
	case "group":
		if before != "within" { // of WITHIN GROUP
			g.top().next()
		}
	case "or", "when", "then", "else", "select", "where", "on", "using", "having",
		"window", "order", "limit", "offset", "fetch":
		g.top().next()
	case "join":
		g.joins++
	case "union", "intersect", "except":
		g.top().next()
		g.setops++
	case "atomic": // begins the body of a function, in which functions can be created
		g.setops++
	case "case":
		g.levels = append(g.levels, level{open: 'c'})
	case "end":
		if g.top().open == 'c' {
			g.close()
		}
	}
}

// closeBracket ends the innermost bracket if open has opened it, and with it what
// seemed to be a CASE but was a name. What does not match is left for the parser
// to complain about.
func (g *gauge) closeBracket(open byte) {
	for g.top().open == 'c' {
		g.close()
	}
	if g.top().open == open {
		g.close()
	}
}

// close ends the innermost level, whose height is one operand's of the one around it.
func (g *gauge) close() {
	inner := *g.top()
	g.levels = g.levels[:len(g.levels)-1]
	g.top().height += 1 + max(inner.height, inner.tallest)
}

func matching(bracket byte) byte {
	if bracket == ')' {
		return '('
	}
	return '['
}

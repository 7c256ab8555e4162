package guard

import "strings"

// A scanner splits a statement into tokens as PostgreSQL's lexer does under
// standard_conforming_strings. It is for measuring a text before it is parsed:
// what is not well-formed it passes over, the parser refuses it.
type scanner struct {
	text     string
	kind     tokenKind
	start    int
	end      int
	comments int // opened so far
}

type tokenKind uint8

const (
	wordToken tokenKind = iota // identifiers and keywords, not quoted
	constantToken
	quotedToken    // "identifier"
	operatorToken  // also :: and :=
	openToken      // ( and [
	closeToken     // ) and ]
	separatorToken // , and ;
	otherToken     // . and :
)

func (s *scanner) word() string { return s.text[s.start:s.end] }

// next reads a token and reports whether there was one.
func (s *scanner) next() bool {
	s.skipSpace()
	s.start = s.end
	if s.start >= len(s.text) {
		return false
	}
	switch c := s.text[s.start]; {
	case c == '\'':
		s.kind = constantToken
		s.end = s.quoted(s.start, false)
	case c == '"':
		s.kind = quotedToken
		s.end = s.quoted(s.start, false)
	case c == '$':
		s.kind = constantToken
		s.end = s.dollar()
	case isDigit(c), c == '.' && s.start+1 < len(s.text) && isDigit(s.text[s.start+1]):
		s.kind = constantToken
		s.end = s.number()
	case isIdentStart(c):
		s.identifier()
	case c == '(' || c == '[':
		s.kind, s.end = openToken, s.start+1
	case c == ')' || c == ']':
		s.kind, s.end = closeToken, s.start+1
	case c == ',' || c == ';':
		s.kind, s.end = separatorToken, s.start+1
	case c == ':' && s.start+1 < len(s.text) && (s.text[s.start+1] == ':' || s.text[s.start+1] == '='):
		s.kind, s.end = operatorToken, s.start+2
	case isOperator(c):
		s.kind = operatorToken
		s.end = s.operator()
	default:
		s.kind, s.end = otherToken, s.start+1
	}
	return true
}

// skipSpace passes white space and comments.
func (s *scanner) skipSpace() {
	for s.end < len(s.text) {
		switch rest := s.text[s.end:]; {
		case strings.IndexByte(" \t\n\r\f\v", rest[0]) >= 0:
			s.end++
		case strings.HasPrefix(rest, "--"):
			n := strings.IndexAny(rest, "\n\r")
			if n < 0 {
				n = len(rest)
			}
			s.end += n
			s.comments++
		case strings.HasPrefix(rest, "/*"):
			s.end += s.comment(rest)
		default:
			return
		}
	}
}

// comment is the length of the comment that rest begins with; comments nest.
func (s *scanner) comment(rest string) int {
	depth := 0
	for i := 0; i+1 < len(rest); {
		switch rest[i : i+2] {
		case "/*":
			depth++
			s.comments++
			i += 2
		case "*/":
			i += 2
			if depth--; depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return len(rest)
}

// quoted is the end of the string or identifier whose opening quote is at i.
func (s *scanner) quoted(i int, escapes bool) int {
	quote := s.text[i]
	for i++; i < len(s.text); i++ {
		switch {
		case escapes && s.text[i] == '\\':
			i++
		case s.text[i] != quote:
		case i+1 < len(s.text) && s.text[i+1] == quote:
			i++
		default:
			return i + 1
		}
	}
	return len(s.text)
}

// dollar is the end of a dollar-quoted string or a parameter.
func (s *scanner) dollar() int {
	i := s.start + 1
	for i < len(s.text) && isIdent(s.text[i]) && s.text[i] != '$' {
		i++
	}
	if i >= len(s.text) || s.text[i] != '$' || isDigit(s.text[s.start+1]) {
		if i > s.start+1 && isDigit(s.text[s.start+1]) {
			return i
		}
		return s.start + 1
	}
	tag := s.text[s.start : i+1]
	body := strings.Index(s.text[i+1:], tag)
	if body < 0 {
		return len(s.text)
	}
	return i + 1 + body + len(tag)
}

func (s *scanner) number() int {
	i := s.start
	for i < len(s.text) {
		c := s.text[i]
		exponent := (c == '+' || c == '-') && (s.text[i-1] == 'e' || s.text[i-1] == 'E') && i+1 < len(s.text) && isDigit(s.text[i+1])
		if !exponent && !isIdent(c) && (c != '.' || strings.HasPrefix(s.text[i:], "..")) {
			break
		}
		i++
	}
	return i
}

// identifier reads a word, or a string with a prefix such as E'...'.
func (s *scanner) identifier() {
	i := s.start + 1
	for i < len(s.text) && isIdent(s.text[i]) {
		i++
	}
	prefix, rest := s.text[s.start:i], s.text[i:]
	switch {
	case strings.HasPrefix(rest, "'") && len(prefix) == 1 && strings.Contains("eEbBxXnN", prefix):
		s.kind = constantToken
		s.end = s.quoted(i, prefix == "e" || prefix == "E")
	case strings.HasPrefix(rest, "&'") && (prefix == "u" || prefix == "U"):
		s.kind = constantToken
		s.end = s.quoted(i+1, false)
	case strings.HasPrefix(rest, `&"`) && (prefix == "u" || prefix == "U"):
		s.kind = quotedToken
		s.end = s.quoted(i+1, false)
	default:
		s.kind, s.end = wordToken, i
	}
}

// operator is the end of an operator. As in SQL, one of several characters ends
// in + or - only if it also has a character that is in no standard operator.
func (s *scanner) operator() int {
	i := s.start
	for i < len(s.text) && isOperator(s.text[i]) {
		if rest := s.text[i:]; i > s.start && (strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*")) {
			break
		}
		i++
	}
	if strings.ContainsAny(s.text[s.start:i], "~!@#^&|`?%") {
		return i
	}
	for i > s.start+1 && (s.text[i-1] == '+' || s.text[i-1] == '-') {
		i--
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isIdentStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}

func isIdent(c byte) bool { return isIdentStart(c) || isDigit(c) || c == '$' }

func isOperator(c byte) bool { return strings.IndexByte("~!@#^&|`?+-*/%<>=", c) >= 0 }

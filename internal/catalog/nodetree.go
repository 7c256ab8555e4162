package catalog

import (
	"slices"
	"strconv"
	"strings"
)

// A node is a part of a tree as PostgreSQL writes it in its catalogs: a node with
// a type and named fields, a list, or a word. What the fields mean is not known
// here.
type node struct {
	kind  nodeKind
	text  string   // of a node its type, such as "VAR"; of a word the word as it is written, with backslashes; "" where there is none
	names []string // of a node's fields
	items []node   // the values of its fields, or what is in a list
}

type nodeKind uint8

const (
	wordNode nodeKind = iota
	listNode
	typedNode
)

// parseTree reads a tree. Left out are the fields that are skipped, and those that
// hold a word and are not among words. It reports false for what is not a tree.
func parseTree(text string, skipped, words map[string]bool) (node, bool) {
	p := treeParser{text: text, skipped: skipped, words: words}
	p.advance()
	n := p.value()
	return n, !p.failed && p.token == ""
}

// field is the value of a field, or an empty word.
func (n *node) field(name string) *node {
	for i := range n.names {
		if n.names[i] == name {
			return &n.items[i]
		}
	}
	return &node{}
}

// number is the value of a field that is a whole number.
func (n *node) number(name string) (int, bool) {
	i, err := strconv.Atoi(n.field(name).text)
	return i, err == nil
}

// empty reports whether a value is none, such as a list of nothing.
func (n *node) empty() bool { return n.kind == wordNode && n.text == "" }

// is reports whether n is a node of a type.
func (n *node) is(typ string) bool { return n.kind == typedNode && n.text == typ }

// A treeParser has read its text up to and with the token.
type treeParser struct {
	text           string
	at             int    // where the token ends
	token          string // "" at the end of the text
	skipped, words map[string]bool
	names          []string // of the nodes that are being read
	items          []node
	failed         bool
}

// value reads the value that begins with the token.
func (p *treeParser) value() node {
	token := p.token
	switch token {
	case "{":
		p.advance()
		n := node{kind: typedNode, text: p.token}
		names, items := len(p.names), len(p.items)
		for p.advance(); p.token != "}" && !p.failed; {
			name, ok := strings.CutPrefix(p.token, ":")
			if !ok {
				p.failed = true
				return node{}
			}
			if p.advance(); p.skipped[name] {
				p.skip()
				continue
			}
			if value := p.value(); value.kind != wordNode || p.words[name] {
				p.names, p.items = append(p.names, name), append(p.items, value)
			}
		}
		p.advance()
		n.names, n.items = slices.Clone(p.names[names:]), slices.Clone(p.items[items:])
		p.names, p.items = p.names[:names], p.items[:items]
		return n
	case "(":
		items := len(p.items)
		for p.advance(); p.token != ")" && !p.failed; {
			value := p.value()
			p.items = append(p.items, value)
		}
		p.advance()
		n := node{kind: listNode, items: slices.Clone(p.items[items:])}
		p.items = p.items[:items]
		return n
	case ")", "}", "":
		p.failed = true
		return node{}
	}
	if p.advance(); p.token == "[" { // the bytes of a constant follow its length
		for p.token != "]" && p.token != "" {
			p.advance()
		}
		p.advance()
	}
	if token == "<>" {
		return node{}
	}
	return node{text: token}
}

// skip goes past the value that begins with the token.
func (p *treeParser) skip() {
	for depth := 0; p.token != ""; {
		switch p.token {
		case "{", "(":
			depth++
		case "}", ")":
			depth--
		}
		if p.advance(); depth == 0 {
			return
		}
	}
}

// advance reads the next token.
func (p *treeParser) advance() {
	i := p.at
	for i < len(p.text) && isSpace(p.text[i]) {
		i++
	}
	end := i
scan:
	for ; end < len(p.text); end++ {
		switch p.text[end] {
		case '(', ')', '{', '}':
			end = max(end, i+1)
			break scan
		case ' ', '\n', '\t':
			break scan
		case '\\':
			end++
		}
	}
	p.at = min(end, len(p.text))
	p.token = p.text[i:p.at]
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' }

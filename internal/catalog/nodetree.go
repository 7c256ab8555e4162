package catalog

import (
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

// parseTree reads a tree. It reports false for what is not one.
func parseTree(text string) (node, bool) {
	p := treeParser{rest: text}
	n := p.value()
	return n, !p.failed && p.next() == ""
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

// A treeParser takes one token after the other off its text.
type treeParser struct {
	rest   string
	failed bool
}

// value reads the next value.
func (p *treeParser) value() node {
	switch token := p.next(); token {
	case "{":
		n := node{kind: typedNode, text: p.next()}
		for token := p.next(); token != "}" && !p.failed; token = p.next() {
			name, ok := strings.CutPrefix(token, ":")
			if !ok {
				p.failed = true
				break
			}
			n.names = append(n.names, name)
			n.items = append(n.items, p.value())
		}
		return n
	case "(":
		n := node{kind: listNode}
		for !p.failed && p.peek() != ")" {
			n.items = append(n.items, p.value())
		}
		p.next()
		return n
	case ")", "}", "":
		p.failed = true
		return node{}
	case "<>":
		return node{}
	default:
		if p.peek() == "[" { // the bytes of a constant follow its length
			for token := p.next(); token != "]" && !p.failed; token = p.next() {
			}
		}
		return node{text: token}
	}
}

// next takes the next token; "" and a failure at the end.
func (p *treeParser) next() string {
	token := p.peek()
	p.rest = p.rest[len(token):]
	p.failed = p.failed || token == ""
	return token
}

// peek is the next token, which rest begins with afterwards.
func (p *treeParser) peek() string {
	p.rest = strings.TrimLeft(p.rest, " \n\t")
	for i := 0; i < len(p.rest); i++ {
		switch p.rest[i] {
		case '(', ')', '{', '}':
			return p.rest[:max(i, 1)]
		case ' ', '\n', '\t':
			return p.rest[:i]
		case '\\':
			i++
		}
	}
	return p.rest
}

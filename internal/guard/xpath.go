package guard

import (
	"math"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// Bounds of XPath, which PostgreSQL leaves to a library that never looks up: a
// condition that searches the document is tried at every node that is searched, and
// so are the conditions inside it.
const (
	maxVisits  = 50_000_000 // of nodes: about a second
	ofDocument = 4000       // characters that a document from a table is taken to have
	perNode    = 4          // characters: <a/>
)

// located: the first argument is a path, the second a document.
func located(r *resolver, name string, n *pg_query.FuncCall, args []typ) float64 {
	if len(args) > 1 {
		r.path(n.Args[0], args[1])
	}
	return made(args...)
}

// path judges an XPath expression over a document.
func (r *resolver) path(n *pg_query.Node, document typ) {
	path, known := constantText(n)
	if !known {
		r.refuse(NotSupported, location(n), "write the path as a constant", "how long it would take to follow a path can only be told of a constant")
		return
	}
	size := document.made
	if size == 0 {
		size = ofDocument
	}
	if math.Pow(size/perNode, float64(1+searches(path))) > maxVisits {
		r.refuse(NotSupported, location(n), "search the document once, and filter what was found in SQL", "following this path could not be stopped: its conditions search the document in each other")
	}
}

// searches is how many conditions of a path are inside each other that look at
// more than what is below the node at hand by name.
func searches(path string) int {
	most := 0
	var open []bool // for each condition around the place, whether it searches
	var quote byte
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '[':
			open = append(open, false)
		case c == ']' && len(open) > 0:
			open = open[:len(open)-1]
		case len(open) > 0 && isSearch(path, i):
			open[len(open)-1] = true
			depth := 0
			for _, searching := range open {
				if searching {
					depth++
				}
			}
			most = max(most, depth)
		}
	}
	return most
}

// isSearch reports whether a step begins at i that goes to other nodes than the
// children, the attributes or the node itself.
func isSearch(path string, i int) bool {
	before := strings.TrimRight(path[:i], " \t\r\n")
	switch rest := path[i:]; {
	case strings.HasPrefix(rest, "//"), strings.HasPrefix(rest, ".."):
		return true
	case rest[0] == '/': // from the root, unless a step goes before
		return before == "" || !strings.ContainsAny(before[len(before)-1:], ")]*.") && !isNameByte(before[len(before)-1])
	case strings.HasPrefix(rest, "::"):
		for _, axis := range []string{"child", "attribute", "self"} {
			if strings.HasSuffix(before, axis) && !strings.HasSuffix(before, "-or-"+axis) {
				return false
			}
		}
		return true
	case strings.HasPrefix(rest, "id("):
		return true
	}
	return false
}

func isNameByte(c byte) bool {
	return c == '_' || c == '-' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

package mutate

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A mutant is one change to the source, by which one rule is gone.
type mutant struct {
	number int
	pkg    string // the package's name
	file   string // its base name
	line   int
	place  string // the function, or the variable
	what   string // what becomes of the text
	text   string // that is changed
	atInit bool   // it changes a table, which is made when the program starts
}

// String is the mutant without its line, which other changes move.
func (m mutant) String() string {
	return fmt.Sprintf("%s %s: %s %s", m.file, m.place, m.what, m.text)
}

// An insertion goes into a file before the byte at an offset.
type insertion struct {
	at    int
	text  string
	close bool // it closes what an insertion before it has opened
}

// A source is one file that is given all its mutants at once: each is a switch in
// it, so that one build serves all of them.
type source struct {
	pkg, name  string
	text       []byte
	base       token.Pos // of the file's first byte
	lines      func(token.Pos) int
	place      string
	atInit     bool
	insertions []insertion
	mutants    *[]mutant
	guarded    map[ast.Node]bool // what refuses there is left out with the condition before it
	settled    map[ast.Node]bool // what is returned there does not matter: a refusal goes before
}

// mutate reads a file and returns it with its mutants, which it adds to all.
func mutate(path string, all *[]mutant) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, path, text, 0)
	if err != nil {
		return nil, err
	}
	s := &source{
		pkg: tree.Name.Name, name: filepath.Base(path), text: text, base: tree.FileStart, mutants: all, guarded: map[ast.Node]bool{}, settled: map[ast.Node]bool{},
		lines: func(at token.Pos) int { return files.Position(at).Line },
	}
	for _, d := range tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil {
				s.place = d.Name.Name
				s.function(d.Type, d.Body)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR {
					s.place, s.atInit = v.Names[0].Name, true
					s.table(v)
					s.atInit = false
				}
			}
		}
	}
	return s.mutated(), nil
}

// mutated is the text with everything inserted.
func (s *source) mutated() []byte {
	slices.SortStableFunc(s.insertions, func(a, b insertion) int { return a.at - b.at })
	var b strings.Builder
	from := 0
	for start := 0; start < len(s.insertions); {
		at := s.insertions[start].at
		end := start
		for end < len(s.insertions) && s.insertions[end].at == at {
			end++
		}
		b.Write(s.text[from:at])
		for _, i := range slices.Backward(s.insertions[start:end]) { // what was opened last is closed first
			if i.close {
				b.WriteString(i.text)
			}
		}
		for _, i := range s.insertions[start:end] {
			if !i.close {
				b.WriteString(i.text)
			}
		}
		from, start = at, end
	}
	b.Write(s.text[from:])
	return []byte(b.String())
}

// wrap puts text around a node for a new mutant, whose number it writes for each #.
func (s *source) wrap(n ast.Node, what, before, after string) {
	m := mutant{
		number: len(*s.mutants) + 1, pkg: s.pkg, file: s.name, line: s.lines(n.Pos()), place: s.place, what: what, atInit: s.atInit,
		text: strings.Join(strings.Fields(string(s.text[n.Pos()-s.base:n.End()-s.base])), " "),
	}
	if len(m.text) > 60 {
		m.text = m.text[:60] + "…"
	}
	*s.mutants = append(*s.mutants, m)
	number := strconv.Itoa(m.number)
	s.insertions = append(s.insertions,
		insertion{at: int(n.Pos() - s.base), text: strings.ReplaceAll(before, "#", number)},
		insertion{at: int(n.End() - s.base), text: after, close: true})
}

func (s *source) never(n ast.Expr) {
	if !isName(n, "false") {
		s.wrap(n, "never", "(live(#) && (", "))")
	}
}

func (s *source) always(n ast.Expr) {
	if !isName(n, "true") {
		s.wrap(n, "always", "(!live(#) || (", "))")
	}
}

func isName(n ast.Expr, name string) bool {
	id, ok := n.(*ast.Ident)
	return ok && id.Name == name
}

// function changes the body of a function, and of those inside it.
func (s *source) function(signature *ast.FuncType, body *ast.BlockStmt) {
	verdict := isVerdict(signature)
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			s.function(n.Type, n.Body)
			return false
		case *ast.BlockStmt:
			s.statements(n.List, s.guarded[n])
		case *ast.CaseClause:
			s.statements(n.Body, s.guarded[n])
		case *ast.IfStmt:
			if refuses(n.Body) {
				s.condition(n.Cond)
				s.guarded[n.Body] = true
			}
		case *ast.SwitchStmt:
			s.cases(n)
		case *ast.ReturnStmt:
			if verdict && !s.settled[n] {
				s.always(n.Results[0])
				s.never(n.Results[0])
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && slices.Contains(flags, key.Name) {
				s.never(n.Value)
			}
		}
		return true
	})
}

// flags are the fields of literals that say what may not be read, or taken for
// something else.
var flags = []string{"derived", "hidden", "only"}

// isVerdict reports whether a function says yes or no.
func isVerdict(signature *ast.FuncType) bool {
	if signature.Results == nil || len(signature.Results.List) != 1 || len(signature.Results.List[0].Names) > 1 {
		return false
	}
	return isName(signature.Results.List[0].Type, "bool")
}

// refuses reports whether statements refuse something, by a call or as a result.
func refuses(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		name := ""
		switch n := n.(type) {
		case *ast.CallExpr:
			switch f := n.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
			}
		case *ast.CompositeLit:
			if isName(n.Type, "Refusal") {
				name = "Refusal"
			}
		}
		found = found || strings.HasPrefix(name, "refuse") && name != "refused" || name == "Refusal" || name == "tooComplex"
		return !found
	})
	return found
}

// condition leaves out a reason for a refusal, or one of several.
func (s *source) condition(n ast.Expr) {
	s.never(n)
	if b, ok := n.(*ast.BinaryExpr); ok && b.Op == token.LOR {
		s.reasons(b)
	}
}

func (s *source) reasons(n ast.Expr) {
	if b, ok := n.(*ast.BinaryExpr); ok && b.Op == token.LOR {
		s.reasons(b.X)
		s.reasons(b.Y)
		return
	}
	s.never(n)
}

// statements leaves out calls that are made for what they do, and what is noted
// in a table.
func (s *source) statements(list []ast.Stmt, guarded bool) {
	for i, statement := range list {
		switch n := statement.(type) {
		case *ast.ReturnStmt:
			if i > 0 {
				before, ok := list[i-1].(*ast.ExprStmt)
				s.settled[n] = ok && refuses(before)
			}
		case *ast.ExprStmt, *ast.IncDecStmt:
			if !guarded || !refuses(n) {
				s.wrap(n, "without", "if live(#) { ", " }")
			}
		case *ast.AssignStmt:
			if _, ok := n.Lhs[0].(*ast.IndexExpr); ok || n.Tok == token.ADD_ASSIGN {
				s.wrap(n, "without", "if live(#) { ", " }")
			}
		}
	}
}

// cases leaves out names that a switch looks for, and conditions of a refusal.
func (s *source) cases(n *ast.SwitchStmt) {
	for _, c := range n.Body.List {
		clause := c.(*ast.CaseClause)
		for _, value := range clause.List {
			if v, ok := value.(*ast.BasicLit); ok && v.Kind == token.STRING {
				s.wrap(v, "no case", "off(#, ", ")")
			} else if n.Tag == nil && refuses(clause) {
				s.condition(value)
				s.guarded[clause] = true
			}
		}
	}
}

// table admits one field after the other that a list of fields wants to be empty.
func (s *source) table(v *ast.ValueSpec) {
	for _, value := range v.Values {
		ast.Inspect(value, func(n ast.Node) bool {
			list, ok := n.(*ast.BasicLit)
			if !ok || list.Kind != token.STRING {
				return true
			}
			for field := range strings.FieldsSeq(strings.Trim(list.Value, "`\"")) {
				if strings.HasPrefix(field, "!") && len(field) > 3 && !strings.ContainsAny(field, "~*") {
					s.wrap(list, "admitting "+field[1:]+" in", "admit(#, \""+field+"\", ", ")")
				}
			}
			return true
		})
	}
}

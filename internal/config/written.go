package config

import (
	"iter"
	"strings"

	"cuelang.org/go/cue/ast"
)

// every matches any name in a path.
const every = "*"

// written are the fields that are written at path, wherever and however: as
// a: b: 1, in nested, embedded or unified structs, under quoted labels. A label
// such as [string] matches every name. Values reached by reference are not
// written there.
func written(decls []ast.Decl, path []string) iter.Seq[*ast.Field] {
	return func(yield func(*ast.Field) bool) { yieldWritten(decls, path, yield) }
}

func yieldWritten(decls []ast.Decl, path []string, yield func(*ast.Field) bool) bool {
	for _, d := range decls {
		field, ok := d.(*ast.Field)
		switch {
		case !ok:
			for _, body := range bodies(d) {
				if !yieldWritten(body.Elts, path, yield) {
					return false
				}
			}
		case !labelled(field, path[0]):
		case len(path) == 1:
			if !yield(field) {
				return false
			}
		default:
			for _, body := range bodies(field.Value) {
				if !yieldWritten(body.Elts, path[1:], yield) {
					return false
				}
			}
		}
	}
	return true
}

// bodies are the struct literals whose fields become those of the node's value.
func bodies(n ast.Node) []*ast.StructLit {
	switch n := n.(type) {
	case *ast.StructLit:
		return []*ast.StructLit{n}
	case *ast.EmbedDecl:
		return bodies(n.Expr)
	case *ast.Comprehension:
		return bodies(n.Value)
	case *ast.ParenExpr:
		return bodies(n.X)
	case *ast.UnaryExpr:
		return bodies(n.X)
	case *ast.BinaryExpr:
		return append(bodies(n.X), bodies(n.Y)...)
	}
	return nil
}

// labelled reports whether the field is a regular one of this name.
func labelled(f *ast.Field, name string) bool {
	got, isIdent, err := ast.LabelName(f.Label)
	hidden := isIdent && (strings.HasPrefix(got, "_") || strings.HasPrefix(got, "#"))
	return isPattern(f) || err == nil && !hidden && (name == every || got == name)
}

// isPattern reports whether the field is for all names of a kind: [string]: value.
func isPattern(f *ast.Field) bool {
	label := f.Label
	if alias, ok := label.(*ast.Alias); ok {
		label, _ = alias.Expr.(ast.Label)
	}
	_, ok := label.(*ast.ListLit)
	return ok
}

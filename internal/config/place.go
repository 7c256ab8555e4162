package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"
)

// A path leads to a setting: field names, and indexes of list elements.
type path []cue.Selector

func pathTo(names ...string) path {
	p := make(path, len(names))
	for i, name := range names {
		p[i] = cue.Str(name)
	}
	return p
}

// pathOf is the path in an error of CUE.
func pathOf(e errors.Error) path {
	var p path
	for _, s := range e.Path() {
		if i, err := strconv.Atoi(s); err == nil && i >= 0 {
			p = append(p, cue.Index(i))
			continue
		}
		if unquoted, err := strconv.Unquote(s); err == nil {
			s = unquoted
		}
		p = append(p, cue.Str(s))
	}
	return p
}

func (p path) field(name string) path { return append(slices.Clone(p), cue.Str(name)) }
func (p path) index(i int) path       { return append(slices.Clone(p), cue.Index(i)) }

// String is the path as CUE writes it, such as databases.shop.schemas[0].
func (p path) String() string { return cue.MakePath(p...).String() }

// setting is the path without what lies inside a list.
func (p path) setting() path {
	if i := slices.IndexFunc(p, func(s cue.Selector) bool { return s.LabelType() == cue.IndexLabel }); i >= 0 {
		return p[:i]
	}
	return p
}

// names are the field names on the way to the setting.
func (p path) names() []string {
	var names []string
	for _, s := range p.setting() {
		names = append(names, s.Unquoted())
	}
	return names
}

// message is the text of an error of CUE, without path and position.
func message(e errors.Error) string {
	format, args := e.Msg()
	text := fmt.Sprintf(format, args...)
	if cause, ok := errors.Unwrap(e).(errors.Error); ok { // "import failed" alone helps nobody
		text += ": " + message(cause)
	}
	return text
}

// isConflict reports whether an error says that two values are not the same.
func isConflict(e errors.Error) bool {
	format, _ := e.Msg()
	return strings.HasPrefix(format, "conflicting values") || strings.HasPrefix(format, "incompatible list lengths")
}

// place is a position as messages show it.
func place(pos token.Pos) string {
	return fmt.Sprintf("%s:%d:%d", pos.Filename(), pos.Line(), pos.Column())
}

// written are the fields of all files that are written at p, in their order.
func (x *examination) written(p path) []*ast.Field {
	var fields []*ast.Field
	if names := p.names(); len(names) > 0 {
		for _, f := range x.files {
			fields = slices.AppendSeq(fields, written(f.Decls, names))
		}
	}
	return fields
}

// labelPos is where the name of the field at p is written, or that of the
// nearest field around it: the value may come by reference.
func (x *examination) labelPos(p path) token.Pos {
	for ; len(p) > 0; p = p[:len(p)-1] {
		if fields := x.written(p); len(fields) > 0 {
			return fields[0].Label.Pos()
		}
	}
	return x.files[0].Pos()
}

// valuePos is where the value at p is written.
func (x *examination) valuePos(v cue.Value, p path) token.Pos {
	pos := v.Pos()
	if f, ok := v.Source().(*ast.Field); ok {
		pos = f.Value.Pos()
	}
	if x.mine(pos) {
		return pos
	}
	return x.labelPos(p)
}

// elementPos is where a text stands in a list, or no position.
func elementPos(list ast.Expr, element string) (pos token.Pos) {
	ast.Walk(list, func(n ast.Node) bool {
		if text, ok := n.(*ast.BasicLit); ok && !pos.IsValid() {
			if unquoted, err := literal.Unquote(text.Value); err == nil && unquoted == element {
				pos = text.Pos()
			}
		}
		return !pos.IsValid()
	}, nil)
	return pos
}

// positions are the places in the files that an error of CUE about p is about, in order.
func (x *examination) positions(e errors.Error, p path) []token.Pos {
	all := append(slices.Clone(e.InputPositions()), e.Position())
	if len(all) < 3 {
		for _, f := range x.written(p) {
			all = append(all, f.Value.Pos())
		}
	}
	all = slices.DeleteFunc(all, func(pos token.Pos) bool { return !x.mine(pos) })
	slices.SortFunc(all, x.inOrder)
	return slices.CompactFunc(all, func(a, b token.Pos) bool { return x.inOrder(a, b) == 0 })
}

// enclosing are the fields written at p, by its own name, that have any of the
// positions inside, in order.
func (x *examination) enclosing(p path, positions []token.Pos) []*ast.Field {
	return slices.DeleteFunc(x.written(p), func(f *ast.Field) bool {
		return isPattern(f) || !slices.ContainsFunc(positions, func(pos token.Pos) bool {
			return pos.Filename() == f.Pos().Filename() && f.Pos().Offset() <= pos.Offset() && pos.Offset() < f.End().Offset()
		})
	})
}

// mine reports whether a position is in one of the files.
func (x *examination) mine(pos token.Pos) bool {
	return pos.IsValid() && x.fileOrder(pos.Filename()) >= 0
}

// inOrder compares two positions by the order of the files.
func (x *examination) inOrder(a, b token.Pos) int {
	return cmp.Or(
		cmp.Compare(x.fileOrder(a.Filename()), x.fileOrder(b.Filename())),
		cmp.Compare(a.Offset(), b.Offset()),
	)
}

func (x *examination) fileOrder(name string) int {
	return slices.IndexFunc(x.source.files, func(t text) bool { return t.name == name })
}

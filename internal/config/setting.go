package config

import (
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"

	"github.com/pgmcp/pgmcp"
)

// Leaves are the paths of all settings that hold a value of their own, in the
// schema's order, such as "databases.*.pool.max"; "*" stands for any name.
func Leaves() []string {
	return shapeOf(cuecontext.New().CompileString(pgmcp.Schema).LookupPath(cue.ParsePath("#Config"))).leaves("")
}

// Written lists those of the paths, as of [Leaves], at which a configuration's
// text holds something. A text that is no CUE holds nothing.
func Written(src []byte, paths []string) []string {
	f, err := parser.ParseFile("", src)
	if err != nil {
		return nil
	}
	var found []string
	for _, path := range paths {
		for range written(f.Decls, strings.Split(path, ".")) {
			found = append(found, path)
			break
		}
	}
	return found
}

// Strip takes the setting at path out of a configuration's text, wherever it is
// written, so that its default holds; "*" in the path stands for any name. It
// reports whether it was written at all.
func Strip(src []byte, path string) (out []byte, changed bool, err error) {
	f, err := parser.ParseFile("", src, parser.ParseComments)
	if err != nil {
		return nil, false, err
	}
	fields := slices.Collect(written(f.Decls, strings.Split(path, ".")))
	if len(fields) == 0 {
		return src, false, nil
	}
	astutil.Apply(f, func(c astutil.Cursor) bool {
		field, ok := c.Node().(*ast.Field)
		if ok = ok && slices.Contains(fields, field); ok {
			c.Delete()
		}
		return !ok
	}, func(c astutil.Cursor) bool {
		// a: b: 1 has no braces, and what is left of it needs them.
		if body, ok := c.Node().(*ast.StructLit); ok && len(body.Elts) == 0 {
			body.Lbrace, body.Rbrace = token.Blank.Pos(), token.Blank.Pos()
		}
		return true
	})
	out, err = format.Node(f)
	return out, true, err
}

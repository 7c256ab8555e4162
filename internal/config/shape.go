package config

import (
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
)

// A shape is a value of the schema, taken apart.
type shape struct {
	value    cue.Value
	isStruct bool                // one kind of struct: between several, CUE decides
	fields   map[string]*shape   // of a struct, or of all structs it may be
	order    []string            // the fields' names, in the schema's order
	required []string            // the fields that must be given
	names    cue.Value           // what other names must match
	others   *shape              // what fields of such names hold; nil: there may be none
	rules    map[string][]string // hidden field -> the fields it is about
	element  *shape              // of a list; nil: none
}

func shapeOf(v cue.Value) *shape {
	s := &shape{value: v, fields: map[string]*shape{}, rules: map[string][]string{}}
	all := alternatives(v)
	s.isStruct = len(all) == 1 && v.IncompleteKind() == cue.StructKind
	for _, a := range all {
		if e := a.LookupPath(cue.MakePath(cue.AnyIndex)); a.IncompleteKind() == cue.ListKind && e.Exists() {
			s.element = shapeOf(e)
		}
		if a.IncompleteKind() == cue.StructKind {
			s.addFields(a)
		}
	}
	for rule, names := range s.rules {
		s.rules[rule] = slices.DeleteFunc(names, func(name string) bool { return s.fields[name] == nil })
	}
	return s
}

func (s *shape) addFields(v cue.Value) {
	fields, err := v.Fields(cue.Optional(true), cue.Patterns(true), cue.Hidden(true))
	for err == nil && fields.Next() {
		sel := fields.Selector()
		switch {
		case sel.ConstraintType() == cue.PatternConstraint:
			s.names, s.others = sel.Pattern(), shapeOf(fields.Value())
		case sel.LabelType() == cue.HiddenLabel:
			s.rules[sel.String()] = identifiers(fields.Value().Source())
		default:
			name := sel.Unquoted()
			s.fields[name] = shapeOf(fields.Value())
			s.order = append(s.order, name)
			if sel.ConstraintType() == cue.RequiredConstraint {
				s.required = append(s.required, name)
			}
		}
	}
}

// alternatives are the values between which a disjunction chooses, without the
// default and without error(…).
func alternatives(v cue.Value) []cue.Value {
	op, args := cue.Dereference(v).Expr()
	if op != cue.OrOp {
		return []cue.Value{v}
	}
	var out []cue.Value
	for _, a := range args {
		if a.Err() == nil {
			out = append(out, alternatives(a)...)
		}
	}
	return out
}

// identifiers are the names that a field's value mentions.
func identifiers(n ast.Node) []string {
	var names []string
	if f, ok := n.(*ast.Field); ok {
		ast.Walk(f.Value, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				names = append(names, id.Name)
			}
			return true
		}, nil)
	}
	return names
}

// leaves are the paths below s that hold a value of their own, in order.
func (s *shape) leaves(path string) []string {
	if len(s.fields) == 0 && s.others == nil {
		return []string{path}
	}
	if path != "" {
		path += "."
	}
	var out []string
	for _, name := range s.order {
		out = append(out, s.fields[name].leaves(path+name)...)
	}
	if s.others != nil {
		out = append(out, s.others.leaves(path+every)...)
	}
	return out
}

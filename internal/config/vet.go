package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	"github.com/pgmcp/pgmcp/internal/nearest"
)

// An examination collects what is wrong with a configuration. CUE decides
// whether anything is; but its own list hides unknown and missing fields behind
// any other error, and says the rest in terms of the schema. So the user's value,
// with nothing of the schema in it, is then compared with the schema field by
// field, and CUE decides about one value at a time.
type examination struct {
	source   *Source
	files    []*ast.File
	shape    *shape          // of the whole configuration
	said     map[string]bool // paths with nothing more to say about
	loose    bool            // a reference was let be anything: say nothing about values that are open
	problems []Problem
}

// explain finds everything that is wrong with the user's value. With the
// schema's, it is CUE's value all.
func (x *examination) explain(schema, user, all cue.Value) {
	x.shape = shapeOf(schema)
	x.contradictions(user)
	x.compare(x.shape, user, all, nil)
}

// contradictions are what is wrong with the user's value without looking at the
// schema: above all a setting that is written twice.
func (x *examination) contradictions(user cue.Value) {
	repeated := map[string][]string{} // database -> settings in which its places differ
	places := map[string][]*ast.Field{}
	for _, e := range errors.Errors(user.Validate()) {
		p := pathOf(e).setting()
		if x.said[p.String()] {
			continue
		}
		x.said[p.String()] = true
		at := x.positions(e, p)
		switch {
		case len(at) == 0:
			x.addLabel(p, p, "holds a contradiction", "")
		case !isConflict(e):
			x.add(at[0], p, message(e), "")
		case len(at) == 1: // not CUE's words: they quote the values, and one may be a secret
			x.add(at[0], p, "is given values that exclude each other", "")
		default:
			if names := p.names(); len(names) > 2 && names[0] == "databases" {
				if fields := x.enclosing(p[:2], at); len(fields) > 1 {
					places[names[1]] = fields
					repeated[names[1]] = append(repeated[names[1]], p[2:].String())
					continue
				}
			}
			x.add(at[len(at)-1], p, "is given twice, with different values", "the other is at "+place(at[0]))
		}
	}
	for name, settings := range repeated {
		fields := places[name]
		slices.Sort(settings)
		x.add(fields[len(fields)-1].Label.Pos(), pathTo("databases", name),
			fmt.Sprintf("repeated with other values for %s; it is first at %s", strings.Join(settings, ", "), place(fields[0].Label.Pos())),
			"each database has a name of its own")
	}
}

// compare compares the user's value at p with what the schema wants there, and
// reports whether it is good. Both together are CUE's verdict, all.
func (x *examination) compare(s *shape, user, all cue.Value, p path) bool {
	if x.said[p.String()] {
		return false
	}
	kind := user.IncompleteKind()
	// A struct with a contradiction inside is bottom, and has its fields all the same.
	if s.isStruct && (kind == cue.StructKind || kind == cue.BottomKind) {
		if fields, err := user.Fields(); err == nil {
			return x.compareFields(s, fields, all, p)
		}
	}
	if s.element != nil && kind == cue.ListKind && !x.compareElements(s.element, user, all, p) {
		return false
	}
	return x.compareValue(s, user, all, p)
}

// compareFields compares the fields of a struct: unknown and missing ones, each
// one's value, and the rules between them.
func (x *examination) compareFields(s *shape, fields *cue.Iterator, all cue.Value, p path) bool {
	good := map[string]bool{}
	for fields.Next() {
		name := fields.Selector().Unquoted()
		at := p.field(name)
		sub, ok := s.fields[name]
		if !ok && s.others != nil {
			sub = s.others
			if ok = s.value.Allows(cue.Str(name)); !ok {
				err := s.names.Unify(cuecontext.New().Encode(name)).Err()
				x.addLabel(at, p, fmt.Sprintf("name %q %s", name, must(err)), "")
			}
		} else if !ok {
			x.addLabel(at, p, fmt.Sprintf("unknown field %q", name), x.suggest(name, s, p))
		}
		good[name] = (sub == nil || x.compare(sub, fields.Value(), all.LookupPath(cue.MakePath(cue.Str(name))), at)) && ok
	}
	for _, name := range s.required {
		if _, given := good[name]; !given {
			nothing := s.fields[name].value.Unify(cuecontext.New().Encode(nil)).Err()
			x.addLabel(p, p, fmt.Sprintf("missing field %q", name), must(nothing))
			good[name] = false
		}
	}
	x.compareRules(s, all, good, p)
	return !slices.Contains(slices.Collect(maps.Values(good)), false)
}

// compareRules checks the rules between fields, and takes a broken one as the
// fault of its first field. A rule says nothing if one of its fields is wrong in
// itself, or if the user wrote none of them.
func (x *examination) compareRules(s *shape, all cue.Value, good map[string]bool, p path) {
	if len(s.rules) == 0 {
		return
	}
	fields, err := all.Fields(cue.Hidden(true))
	for err == nil && fields.Next() {
		operands := s.rules[fields.Selector().String()]
		first := slices.IndexFunc(operands, func(name string) bool { return good[name] })
		bad := slices.ContainsFunc(operands, func(name string) bool { ok, given := good[name]; return given && !ok })
		if e := fields.Value().Err(); first >= 0 && !bad && e != nil {
			x.addLabel(p.field(operands[first]), p, must(e), "")
			good[operands[first]] = false
		}
	}
}

// compareElements compares each element of a list, of names or of other text.
func (x *examination) compareElements(s *shape, user, all cue.Value, p path) bool {
	good := true
	names := s.value.Unify(cuecontext.New().Encode(`"`)).Err() != nil // which begin with no quote
	list, err := user.List()
	for i := 0; err == nil && list.Next(); i++ {
		at, element := p.index(i), list.Value()
		if name, err := element.String(); err == nil && names && noName(name) != "" {
			x.add(x.valuePos(element, at), at, noName(name), "")
			good = false
		} else if !x.compareValue(s, element, all.LookupPath(cue.MakePath(cue.Index(i))), at) {
			good = false
		}
	}
	return good
}

// compareValue lets CUE decide about one value, and says its verdict in the
// schema's own words.
func (x *examination) compareValue(s *shape, user, all cue.Value, p path) bool {
	final := []cue.Option{cue.Concrete(true), cue.Final()}
	if all.Exists() && all.Validate(final...) == nil {
		return true
	}
	// Something around it may be at fault: decide about this value alone.
	v := s.value.Unify(user)
	err := v.Validate(final...)
	if err == nil {
		return true
	}
	for said := range x.said {
		if strings.HasPrefix(said, p.String()+".") {
			return false
		}
	}
	message, hint := must(err), ""
	switch {
	case message != "":
	case v.Err() == nil && x.loose:
		return false
	case v.Err() == nil || user.IncompleteKind()&s.value.IncompleteKind() != 0 && !user.IsConcrete():
		message = "must have a value, not only a constraint"
	default:
		message = wanted(s.value.IncompleteKind())
		if len(s.order) > 0 {
			hint = "known here: " + strings.Join(s.order, ", ")
		}
	}
	x.add(x.valuePos(user, p), p, message, hint)
	return false
}

// must is the message that the schema itself gives with error(…), or "".
func must(err error) string {
	for _, e := range errors.Errors(err) {
		if format, _ := e.Msg(); format == "%s" {
			return message(e)
		}
	}
	return ""
}

// wanted says what a value of this kind looks like.
func wanted(k cue.Kind) string {
	switch k {
	case cue.BoolKind:
		return "must be true or false"
	case cue.StringKind:
		return "must be text in quotes"
	case cue.IntKind:
		return "must be a whole number"
	case cue.NumberKind, cue.FloatKind:
		return "must be a number"
	case cue.ListKind:
		return "must be a list [...]"
	case cue.StructKind:
		return "must be a struct {...}"
	}
	return "must be " + k.String()
}

// noName says why no name in PostgreSQL can match the pattern, or "". The schema
// says that it must not be so, but not why.
func noName(pattern string) string {
	for part := range strings.SplitSeq(pattern, ".") {
		for run := range strings.SplitSeq(part, "*") {
			if utf8.RuneCountInString(run) > 63 {
				return "can match nothing: PostgreSQL keeps only 63 bytes of a name"
			}
		}
		if strings.TrimSpace(part) != part {
			return "can match nothing: a name has a space before or after it"
		}
		if strings.HasPrefix(part, `"`) || strings.HasSuffix(part, `"`) {
			return "can match nothing: names are written without quotes of their own"
		}
	}
	return ""
}

// suggest says what the author of an unknown field may have meant: a field
// beside it that is written alike, or one of that name elsewhere.
func (x *examination) suggest(name string, s *shape, p path) string {
	if near := nearest.Name(name, s.order); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	settings := x.shape.leaves("")
	var names []string
	for _, setting := range settings {
		names = append(names, strings.Split(setting, ".")...)
	}
	for _, name := range []string{name, nearest.Name(name, names)} {
		if setting := elsewhere(settings, name, p.names()); setting != "" {
			return fmt.Sprintf("did you mean %s?", setting)
		}
	}
	return "known here: " + strings.Join(s.order, ", ")
}

// elsewhere is a setting called name in another place of the schema, the one
// that is nearest to the path.
func elsewhere(settings []string, name string, path []string) string {
	found, least := "", 0
	for _, setting := range settings {
		parts := strings.Split(setting, ".")
		depth := slices.Index(parts, name) + 1
		if depth == 0 {
			continue
		}
		parts = parts[:depth]
		shared := 0
		for shared < min(len(path), depth) && (parts[shared] == path[shared] || parts[shared] == every) {
			parts[shared] = path[shared]
			shared++
		}
		if steps := len(path) + depth - 2*shared; found == "" || steps < least {
			found, least = strings.ReplaceAll(strings.Join(parts, "."), every, "NAME"), steps
		}
	}
	return found
}

// add notes a problem at a position in one of the files.
func (x *examination) add(pos token.Pos, p path, message, hint string) {
	problem := Problem{Path: p.String(), Message: message, Hint: hint}
	if pos.IsValid() {
		problem.File, problem.Line, problem.Column = pos.Filename(), pos.Line(), pos.Column()
	}
	x.problems = append(x.problems, problem)
}

// addLabel notes a problem about the setting p where the name of the field at is written.
func (x *examination) addLabel(at, p path, message, hint string) {
	x.add(x.labelPos(at), p, message, hint)
}

// sorted are the problems in the order of the files, each place's message once.
func (x *examination) sorted() []Problem {
	slices.SortStableFunc(x.problems, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(x.fileOrder(a.File), x.fileOrder(b.File)),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Message, b.Message),
			cmp.Compare(a.Path, b.Path),
		)
	})
	return slices.CompactFunc(x.problems, func(a, b Problem) bool {
		return a.File == b.File && a.Line == b.Line && a.Column == b.Column && a.Message == b.Message
	})
}

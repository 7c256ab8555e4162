package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/format"

	"github.com/pgmcp/pgmcp"
)

func compiled(t *testing.T, schema, definition string) cue.Value {
	t.Helper()
	v := cuecontext.New().CompileString(schema)
	if v.Err() != nil {
		t.Fatal(v.Err())
	}
	return v.LookupPath(cue.ParsePath(definition))
}

// files are what the schema knows of, by definition, and the types that they are
// decoded into.
var files = map[string]reflect.Type{
	"#Config":          reflect.TypeFor[Config](),
	"#VerifiedQueries": reflect.TypeFor[queryFile](),
}

func TestSchemaAndTypesAreEqual(t *testing.T) {
	for definition, typ := range files {
		for _, d := range drift(shapeOf(compiled(t, pgmcp.Schema, definition)), typ, "") {
			t.Error(d)
		}
	}
}

// The test above finds nothing; this one shows that it would.
func TestDriftIsSeen(t *testing.T) {
	type database struct {
		Max int  `json:"max"`
		Min *int `json:"min"`
		Old bool `json:"old"`
	}
	type config struct {
		Databases map[string]database `json:"databases"`
		Name      []string            `json:"name"`
	}
	schema := compiled(t, `#Config: {
		databases!: [string]: {max: "4" | string, min: int, new: bool}
		name: string
	}`, "#Config")
	want := []string{
		".databases.*.max: string in the schema, int in Go",
		".databases.*.new: only in the schema",
		".databases.*.old: only in Go",
		".name: string in the schema, slice in Go",
	}
	got := drift(shapeOf(schema), reflect.TypeFor[config](), "")
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// drift lists the settings that only the schema has, that only the Go type has,
// and that are not of the same kind.
func drift(s *shape, typ reflect.Type, path string) []string {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if kind := s.value.IncompleteKind(); !slices.Contains(kindsOf(typ), kind) {
		return []string{fmt.Sprintf("%s: %v in the schema, %v in Go", path, kind, typ.Kind())}
	}
	if isText(typ) {
		return nil
	}
	switch typ.Kind() {
	case reflect.Map:
		return drift(s.others, typ.Elem(), path+".*")
	case reflect.Slice:
		return drift(s.element, typ.Elem(), path+"[]")
	case reflect.Struct:
	default:
		return nil
	}
	var out []string
	inGo := map[string]bool{}
	for f := range typ.Fields() {
		name := f.Tag.Get("json")
		if name == "-" {
			continue
		}
		inGo[name] = true
		if sub, ok := s.fields[name]; ok {
			out = append(out, drift(sub, f.Type, path+"."+name)...)
		} else {
			out = append(out, path+"."+name+": only in Go")
		}
	}
	for _, name := range s.order {
		if !inGo[name] {
			out = append(out, path+"."+name+": only in the schema")
		}
	}
	return out
}

// isText reports whether a Go type is read from text.
func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// kindsOf are the kinds of the schema that a Go type holds.
func kindsOf(t reflect.Type) []cue.Kind {
	if isText(t) {
		return []cue.Kind{cue.StringKind}
	}
	switch t.Kind() {
	case reflect.Bool:
		return []cue.Kind{cue.BoolKind}
	case reflect.Int:
		return []cue.Kind{cue.IntKind}
	case reflect.Float64:
		return []cue.Kind{cue.FloatKind, cue.NumberKind}
	case reflect.String:
		return []cue.Kind{cue.StringKind}
	case reflect.Slice:
		return []cue.Kind{cue.ListKind}
	case reflect.Map, reflect.Struct:
		return []cue.Kind{cue.StructKind}
	}
	return nil
}

// The schema is the manual: each field is explained.
func TestEveryFieldHasAComment(t *testing.T) {
	var walk func(s *shape, path string)
	walk = func(s *shape, path string) {
		for _, name := range s.order {
			comment := ""
			for _, doc := range s.fields[name].value.Doc() {
				comment += doc.Text()
			}
			if !strings.HasPrefix(comment, name) {
				t.Errorf("%s.%s: its comment does not begin with its name: %q", path, name, comment)
			}
			walk(s.fields[name], path+"."+name)
		}
		if s.others != nil {
			walk(s.others, path+".*")
		}
	}
	for definition := range files {
		walk(shapeOf(compiled(t, pgmcp.Schema, definition)), definition)
	}
}

func TestSchemaIsFormatted(t *testing.T) {
	got, err := format.Source([]byte(pgmcp.Schema))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != pgmcp.Schema {
		t.Error("schema.cue is not as cue fmt writes it")
	}
}

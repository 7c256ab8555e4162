package oracle

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmcp/pgmcp/internal/policy"
)

// A reach is what random statements have made use of.
type reach struct {
	types  map[string]bool // of nodes
	fields map[string]bool // NODE.FIELD, and NODE.FIELD=VALUE of an enumeration
	denied []judgement
}

func newReach() *reach { return &reach{types: map[string]bool{}, fields: map[string]bool{}} }

func (r *reach) add(t *testing.T, j judgement) {
	if j.denied != nil {
		r.denied = append(r.denied, j)
	}
	for _, s := range parse(t, j.sql).Stmts {
		r.node(s.Stmt.ProtoReflect())
	}
}

func (r *reach) node(m protoreflect.Message) {
	typ := string(m.Descriptor().Name())
	r.types[typ] = true
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name := typ + "." + string(field.Name())
		r.fields[name] = true
		switch {
		case field.Kind() == protoreflect.EnumKind:
			r.fields[name+"="+string(field.Enum().Values().ByNumber(v.Enum()).Name())] = true
		case field.Kind() != protoreflect.MessageKind:
		case field.IsList():
			for i := range v.List().Len() {
				r.node(v.List().Get(i).Message())
			}
		default:
			r.node(v.Message())
		}
		return true
	})
}

// beyondReach are parts of admitted nodes that the parser never sets: they are
// for what is not a SELECT, or PostgreSQL sets them when it analyses the tree.
const beyondReach = `
DefElem.defaction=DEFELEM_SET DefElem.defaction=DEFELEM_ADD DefElem.defaction=DEFELEM_DROP
FuncCall.funcformat=COERCE_EXPLICIT_CAST FuncCall.funcformat=COERCE_IMPLICIT_CAST
GroupingSet.kind=GROUPING_SET_SIMPLE
JoinExpr.jointype=JOIN_SEMI JoinExpr.jointype=JOIN_ANTI JoinExpr.jointype=JOIN_RIGHT_ANTI
JoinExpr.jointype=JOIN_UNIQUE_OUTER JoinExpr.jointype=JOIN_UNIQUE_INNER
JsonFormat.format_type=JS_FORMAT_JSONB JsonFormat.encoding=JS_ENC_UTF16 JsonFormat.encoding=JS_ENC_UTF32
JsonReturning.typmod
RowExpr.row_format=COERCE_EXPLICIT_CAST RowExpr.row_format=COERCE_SQL_SYNTAX
SubLink.sub_link_type=ROWCOMPARE_SUBLINK SubLink.sub_link_type=MULTIEXPR_SUBLINK SubLink.sub_link_type=CTE_SUBLINK
XmlExpr.op=IS_XMLSERIALIZE XmlExpr.indent XmlExpr.typmod
`

// check fails if random statements leave out a node type, field or choice that
// the guard admits, or something that is blocked.
func (r *reach) check(t *testing.T, p *policy.Policy) {
	t.Logf("%d node types", len(r.types))
	if len(r.types) < 60 {
		t.Errorf("the statements are made of %d node types", len(r.types))
	}
	unreachable := strings.Fields(beyondReach)
	var missing, unexpected []string
	for _, part := range admittedParts(t) {
		switch reached := r.fields[part]; {
		case reached && slices.Contains(unreachable, part):
			unexpected = append(unexpected, part)
		case !reached && !slices.Contains(unreachable, part):
			missing = append(missing, part)
		}
	}
	if len(missing)+len(unexpected) > 0 {
		t.Errorf("no statement has %q; %q were thought to be out of reach", missing, unexpected)
	}
	for _, object := range blockedObjects(p) {
		if !slices.ContainsFunc(r.denied, object.in) {
			t.Errorf("no denied statement is about %s", object.name)
		}
	}
}

// admittedParts are the fields that the guard lets be set, NODE.FIELD, and the
// choices that some of them have, NODE.FIELD=CHOICE.
func admittedParts(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../nodes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	unquote := func(e ast.Expr) string {
		s, err := strconv.Unquote(e.(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var parts []string
	table := file.Scope.Lookup("admitted").Decl.(*ast.ValueSpec).Values[0].(*ast.CompositeLit)
	messages := (&pg_query.Node{}).ProtoReflect().Descriptor().ParentFile().Messages()
	for _, e := range table.Elts {
		pair := e.(*ast.KeyValueExpr)
		typ := unquote(pair.Key)
		if typ == "ParseResult" || typ == "RawStmt" { // around the statement
			continue
		}
		for name := range strings.FieldsSeq(unquote(pair.Value)) {
			if strings.HasPrefix(name, "!") || name == "location" {
				continue
			}
			field := messages.ByName(protoreflect.Name(typ)).Fields().ByName(protoreflect.Name(name))
			if field.Kind() != protoreflect.EnumKind {
				parts = append(parts, typ+"."+name)
				continue
			}
			for i := range field.Enum().Values().Len() {
				if v := field.Enum().Values().Get(i); v.Number() != 0 { // undefined
					parts = append(parts, typ+"."+name+"="+string(v.Name()))
				}
			}
		}
	}
	return parts
}

// A blockedObject is something that the policy closes and what the verdict on it says.
type blockedObject struct {
	name string
	in   func(judgement) bool
}

func blockedObjects(p *policy.Policy) []blockedObject {
	var all []blockedObject
	closed := func(schema, name string) {
		full := schema + "." + name
		all = append(all, blockedObject{full, func(j judgement) bool {
			if !slices.Contains(p.SearchPath, schema) { // PostgreSQL says no more than that
				return strings.HasSuffix(j.denied.Message, "for schema "+schema) && strings.Contains(j.sql, full)
			}
			return strings.HasSuffix(j.denied.Message, " "+name)
		}})
	}
	for _, r := range p.Catalog.Relations {
		if !p.Only(r) {
			closed(r.Schema, r.Name)
			continue
		}
		for i := range r.Columns {
			c := &r.Columns[i]
			said := "column " + c.Name + " of " + r.String() + " may not be read"
			if !p.Column(r, c) && p.Relation(r) {
				all = append(all, blockedObject{r.String() + "." + c.Name, func(j judgement) bool {
					return strings.HasSuffix(j.denied.Message, " "+r.Name) && strings.HasPrefix(j.refusal.Message, said)
				}})
			}
		}
	}
	for _, f := range p.Catalog.Functions {
		if !p.Function(f) && f.Kind != "procedure" { // those, only CALL calls
			closed(f.Schema, f.Name)
		}
	}
	return all
}

package guard

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/pgmcp/pgmcp/internal/policy"
)

// A Template is a statement with places for values: {name} stands where a literal
// can. It has been parsed and not been judged; what [Template.Bind] makes of it
// is text like any other, which only [Check] approves.
type Template struct {
	sql    string
	places []place
	tree   *pg_query.ParseResult // with a ParamRef in each place, numbered from 1
}

// A place is one {name} in the text of a template, as byte offsets.
type place struct {
	name       string
	start, end int
}

// maxPlaces keeps "$" and the number of a place as short as the shortest place.
const maxPlaces = 99

// templateLimits are the widest that a policy can set: [Check] applies its own.
var templateLimits = policy.Limits{MaxStatementSize: 64 << 10, MaxTokens: 20_000}

// ParseTemplate parses a template. The error is a *[Refusal], whose position is in sql.
func ParseTemplate(sql string) (*Template, error) {
	if refusal := checkText(sql, templateLimits); refusal != nil {
		return nil, refusal
	}
	t := &Template{sql: sql}
	if refusal := t.findPlaces(); refusal != nil {
		return nil, refusal
	}
	text := t.numbered()
	if refusal := checkText(text, templateLimits); refusal != nil {
		return nil, refusal
	}
	tree, refusal := parse(text)
	if refusal != nil {
		for _, p := range t.places {
			if refusal.Position == position(sql, p.start) {
				refusal = t.misplaced(p)
			}
		}
		return nil, refusal
	}
	t.tree = tree
	if refusal := t.checkPlaces(); refusal != nil {
		return nil, refusal
	}
	// The parser takes $1 in some places where PostgreSQL wants a bare constant.
	empty := map[string]Literal{}
	for _, p := range t.places {
		empty[p.name] = Literal{}
	}
	if _, err := t.Bind(empty); err != nil {
		return nil, err
	}
	return t, nil
}

// findPlaces finds every {name} outside of strings, quoted names and comments.
func (t *Template) findPlaces() *Refusal {
	s := scanner{text: t.sql}
	for s.next() {
		if s.kind != otherToken || s.word() != "{" {
			continue
		}
		start := s.end - 1
		named := s.next() && s.kind == wordToken && s.start == start+1
		name := s.word()
		if !named || !s.next() || s.word() != "}" || s.end != start+len(name)+2 {
			return t.refuse(Syntax, start, `"{" begins the name of a parameter, such as {id}`)
		}
		if len(t.places) == maxPlaces {
			return t.refuse(TooLong, start, "the statement has more than 99 places for parameters")
		}
		t.places = append(t.places, place{name, start, s.end})
	}
	return nil
}

// numbered is the text with $1, $2 and so on in the places, as long as before, so
// that every position stays what it was.
func (t *Template) numbered() string {
	return t.splice(func(i int, p place) string { return fmt.Sprintf("%-*s", p.end-p.start, fmt.Sprintf("$%d", i+1)) })
}

// checkPlaces makes sure that the parser took each place, and nothing else, for
// a value.
func (t *Template) checkPlaces() *Refusal {
	at := map[int]int{} // places by where they start
	for i, p := range t.places {
		at[p.start] = i
	}
	var wrong *Refusal
	visit(t.tree.ProtoReflect(), func(n *pg_query.Node) {
		ref := n.GetParamRef()
		if ref == nil {
			return
		}
		if i, ok := at[int(ref.Location)]; ok && i+1 == int(ref.Number) {
			delete(at, int(ref.Location))
		} else if wrong == nil {
			wrong = t.refuse(NotSupported, int(ref.Location), "a parameter is written as {name}, not as $1")
		}
	})
	if wrong != nil {
		return wrong
	}
	for i, p := range t.places {
		if j, ok := at[p.start]; ok && i == j {
			return t.misplaced(p)
		}
	}
	return nil
}

func (t *Template) misplaced(p place) *Refusal {
	return t.refuse(Syntax, p.start, "{%s} does not stand where a value can stand by itself", p.name)
}

func (t *Template) refuse(code Code, offset int, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Message: fmt.Sprintf(format, args...), Position: position(t.sql, offset)}
}

// Names are the names in the places, in their order, as often as they stand there.
func (t *Template) Names() []string {
	names := make([]string, len(t.places))
	for i, p := range t.places {
		names[i] = p.name
	}
	return names
}

// A Bound is a template with literals in its places.
type Bound struct {
	SQL string

	template *Template
	lengths  []int // of the literals, in bytes
}

// Bind puts values into the places by name. The text that comes out is parsed
// again and must give the template's tree with the literals in it, and nothing
// else: whatever a value holds, it stays a value. The error is a *[Refusal],
// whose position is in the template.
func (t *Template) Bind(values map[string]Literal) (Bound, error) {
	b := Bound{template: t, lengths: make([]int, len(t.places))}
	want := proto.Clone(t.tree).(*pg_query.ParseResult)
	literals := make([]*pg_query.Node, len(t.places))
	for i, p := range t.places {
		v, ok := values[p.name]
		if !ok {
			return Bound{}, t.refuse(Syntax, p.start, "there is no value for {%s}", p.name)
		}
		b.lengths[i], literals[i] = len(v.sql()), v.node()
	}
	visit(want.ProtoReflect(), func(n *pg_query.Node) {
		if ref := n.GetParamRef(); ref != nil {
			n.Node = literals[ref.Number-1].Node
		}
	})
	b.SQL = t.splice(func(_ int, p place) string { return values[p.name].sql() })
	if refusal := checkText(b.SQL, templateLimits); refusal != nil {
		refusal.Position = b.At(refusal.Position)
		return Bound{}, refusal
	}
	got, refusal := parse(b.SQL)
	if refusal != nil {
		refusal.Position = b.At(refusal.Position)
		return Bound{}, refusal
	}
	forgetPlaces(want.ProtoReflect())
	forgetPlaces(got.ProtoReflect())
	if !proto.Equal(want, got) {
		return Bound{}, t.refuse(NotSupported, t.places[0].start, "with its values the statement is another one")
	}
	return b, nil
}

// splice is the text with what f says in each place.
func (t *Template) splice(f func(int, place) string) string {
	var b strings.Builder
	end := 0
	for i, p := range t.places {
		b.WriteString(t.sql[end:p.start])
		b.WriteString(f(i, p))
		end = p.end
	}
	b.WriteString(t.sql[end:])
	return b.String()
}

// At is the position in the template of a position in b.SQL, both in characters
// from 1; 0 stays 0. What lies in a literal is where its place begins.
func (b Bound) At(pos int) int {
	if pos == 0 || b.template == nil {
		return pos
	}
	offset, end, moved := 0, 0, 0 // in b.SQL, in the template, in characters of both
	for i, p := range b.template.places {
		text := b.template.sql[end:p.start]
		chars := utf8.RuneCountInString(text)
		if pos <= moved+chars {
			break
		}
		offset += len(text)
		literal := utf8.RuneCountInString(b.SQL[offset : offset+b.lengths[i]])
		if pos <= moved+chars+literal {
			return position(b.template.sql, p.start)
		}
		offset += b.lengths[i]
		moved += chars + literal
		end = p.end
	}
	return position(b.template.sql, end) + pos - moved - 1
}

// A Literal is a value as SQL writes it. The zero Literal is the empty text.
type Literal struct {
	text string
	typ  string // one of PostgreSQL's own; empty: what the place makes of it
	null bool
}

// Null is NULL, of whatever type fits.
func Null() Literal { return Literal{null: true} }

// Text is a text, or whatever else PostgreSQL reads from one where it stands,
// such as the label of an enum.
func Text(s string) Literal { return Literal{text: s} }

// Int is a whole number, as wide as PostgreSQL would make it.
func Int(n int64) Literal {
	typ := "int8"
	if int64(int32(n)) == n {
		typ = "int4"
	}
	return Literal{text: fmt.Sprint(n), typ: typ}
}

// Number is an exact number, written in decimal digits. PostgreSQL refuses text
// that is none.
func Number(digits string) Literal { return Literal{text: digits, typ: "numeric"} }

// Date is the day of t.
func Date(t time.Time) Literal { return Literal{text: t.Format(time.DateOnly), typ: "date"} }

// sql is l in brackets, which keep it apart from what stands beside it. Numbers
// are quoted too: a bare one would be folded into a minus before it, and stand
// for a column after ORDER BY.
func (l Literal) sql() string {
	if l.null {
		return "(NULL)"
	}
	quoted := "'" + strings.ReplaceAll(l.text, "'", "''") + "'"
	if l.typ != "" {
		quoted += "::pg_catalog." + l.typ
	}
	return "(" + quoted + ")"
}

// node is what the parser must make of l.
func (l Literal) node() *pg_query.Node {
	if l.null {
		return &pg_query.Node{Node: &pg_query.Node_AConst{AConst: &pg_query.A_Const{Isnull: true}}}
	}
	n := pg_query.MakeAConstStrNode(l.text, 0)
	if l.typ == "" {
		return n
	}
	return &pg_query.Node{Node: &pg_query.Node_TypeCast{TypeCast: &pg_query.TypeCast{
		Arg:      n,
		TypeName: &pg_query.TypeName{Names: []*pg_query.Node{pg_query.MakeStrNode("pg_catalog"), pg_query.MakeStrNode(l.typ)}, Typemod: -1},
	}}}
}

// visit calls f for every node in m, each before what is in it.
func visit(m protoreflect.Message, f func(*pg_query.Node)) {
	if n, ok := m.Interface().(*pg_query.Node); ok {
		f(n)
	}
	for field := range populated(m) {
		switch v := m.Get(field); {
		case field.Kind() != protoreflect.MessageKind:
		case field.IsList():
			for i := range v.List().Len() {
				visit(v.List().Get(i).Message(), f)
			}
		default:
			visit(v.Message(), f)
		}
	}
}

// forgetPlaces clears where in the text the nodes in m were.
func forgetPlaces(m protoreflect.Message) {
	for _, name := range []protoreflect.Name{"location", "stmt_location", "stmt_len"} {
		if field := m.Descriptor().Fields().ByName(name); field != nil {
			m.Clear(field)
		}
	}
	for field := range populated(m) {
		switch v := m.Get(field); {
		case field.Kind() != protoreflect.MessageKind:
		case field.IsList():
			for i := range v.List().Len() {
				forgetPlaces(v.List().Get(i).Message())
			}
		default:
			forgetPlaces(v.Message())
		}
	}
}

package guard

import (
	"iter"
	"strings"
	"sync"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A decision is what the walk does with one field of a node: the zero value refuses.
type decision uint8

const (
	undecided decision = iota
	mustBeEmpty
	accepted
)

// A grammar is the parser's messages, and what the walk does with them.
type grammar struct {
	node  protoreflect.MessageDescriptor // the union of all node types
	union protoreflect.OneofDescriptor
	rules map[protoreflect.MessageDescriptor][]decision // of the admitted types, by the fields' indexes
}

// grammarOf is made when the first statement comes: not every command has one.
var grammarOf = sync.OnceValue(func() *grammar {
	g := &grammar{
		node:  (*pg_query.Node)(nil).ProtoReflect().Descriptor(),
		rules: map[protoreflect.MessageDescriptor][]decision{},
	}
	g.union = g.node.Oneofs().Get(0)
	messages := pg_query.File_pg_query_proto.Messages()
	for name, list := range admitted {
		message := messages.ByName(protoreflect.Name(name))
		fields := make([]decision, message.Fields().Len())
		for field := range strings.FieldsSeq(list) {
			name, empty := strings.CutPrefix(field, "!")
			d := accepted
			if empty {
				d = mustBeEmpty
			}
			fields[message.Fields().ByName(protoreflect.Name(name)).Index()] = d
		}
		g.rules[message] = fields
	}
	return g
})

// walk admits a tree if every node in it is of an admitted type and has only
// fields set that the type's list accepts.
func walk(sql string, tree *pg_query.ParseResult) *Refusal {
	w := walker{grammar: grammarOf(), sql: sql, at: -1}
	w.message(tree.ProtoReflect())
	return w.refusal
}

type walker struct {
	*grammar
	sql     string
	at      int32 // location of the innermost node that has one
	refusal *Refusal
}

func (w *walker) message(m protoreflect.Message) {
	descriptor := m.Descriptor()
	if descriptor == w.node {
		if field := m.WhichOneof(w.union); field != nil {
			w.message(m.Get(field).Message())
		}
		return
	}
	fields, ok := w.rules[descriptor]
	if !ok {
		w.refuse(descriptor.Name(), "")
		return
	}
	before := w.at
	if location := descriptor.Fields().ByName("location"); location != nil && m.Has(location) {
		w.at = int32(m.Get(location).Int())
	}
	for field := range populated(m) {
		v := m.Get(field)
		switch {
		case fields[field.Index()] != accepted:
			if field.Kind() == protoreflect.MessageKind && !field.IsList() {
				w.at = max(w.at, locate(v.Message()))
			}
			w.refuse(descriptor.Name(), field.Name())
		case field.Kind() != protoreflect.MessageKind:
		case field.IsList():
			for list, i := v.List(), 0; i < list.Len() && w.refusal == nil; i++ {
				w.message(list.Get(i).Message())
			}
		default:
			w.message(v.Message())
		}
		if w.refusal != nil {
			return
		}
	}
	w.at = before
}

func (w *walker) refuse(node, field protoreflect.Name) {
	w.refusal = &Refusal{Code: NotSupported, Message: "this part of the statement is not supported: " + string(node)}
	switch {
	case field == "into_clause":
		w.refusal = &Refusal{Code: NotReadOnly, Message: "SELECT INTO makes a table", Hint: "leave INTO out"}
	case field == "locking_clause":
		w.refusal = &Refusal{Code: NotReadOnly, Message: "FOR UPDATE and FOR SHARE lock rows", Hint: "leave the locking clause out"}
	case field != "":
		w.refusal.Message += "." + string(field)
	case node == "ParamRef":
		w.refusal.Message, w.refusal.Hint = "parameters such as $1 are not supported", "write the value into the statement"
	case isWriting()[string(node)]:
		w.refusal = &Refusal{Code: NotReadOnly, Message: "only SELECT, VALUES, TABLE and EXPLAIN of those can be run", Hint: "write a SELECT"}
	}
	if w.at >= 0 {
		w.refusal.Position = position(w.sql, int(w.at))
	}
}

var isWriting = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for name := range strings.FieldsSeq(writing) {
		names[name] = true
	}
	return names
})

// populated are the fields of m that are set, in their order.
func populated(m protoreflect.Message) iter.Seq[protoreflect.FieldDescriptor] {
	return func(yield func(protoreflect.FieldDescriptor) bool) {
		fields := m.Descriptor().Fields()
		for i := range fields.Len() {
			if field := fields.Get(i); m.Has(field) && !yield(field) {
				return
			}
		}
	}
}

// location is where a node begins, as a byte offset; -1 if it does not say.
func location(n *pg_query.Node) int32 {
	if n == nil {
		return -1
	}
	return locate(n.ProtoReflect())
}

// locate is the location of a message, or of the first one in it that has one.
func locate(m protoreflect.Message) int32 {
	if g := grammarOf(); m.Descriptor() == g.node {
		field := m.WhichOneof(g.union)
		if field == nil {
			return -1
		}
		return locate(m.Get(field).Message())
	}
	if field := m.Descriptor().Fields().ByName("location"); field != nil {
		return int32(m.Get(field).Int())
	}
	for field := range populated(m) {
		if field.Kind() != protoreflect.MessageKind {
			continue
		}
		v := m.Get(field)
		if !field.IsList() {
			if at := locate(v.Message()); at >= 0 {
				return at
			}
		} else if v.List().Len() > 0 {
			if at := locate(v.List().Get(0).Message()); at >= 0 {
				return at
			}
		}
	}
	return -1
}

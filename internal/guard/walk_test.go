package guard

import (
	"strings"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// TestEveryNodeIsDecided enumerates the node types of the linked parser: each is
// in exactly one list of nodes.go, and of the admitted ones each field is listed.
func TestEveryNodeIsDecided(t *testing.T) {
	lists := map[string]int{"Node": 1} // the union of all others
	for name := range admitted {
		lists[name]++
	}
	for _, list := range []string{writing, partsOfOthers, analyzed} {
		for name := range strings.FieldsSeq(list) {
			lists[name]++
		}
	}
	messages := pg_query.File_pg_query_proto.Messages()
	for i := range messages.Len() {
		message := messages.Get(i)
		name := string(message.Name())
		if lists[name] != 1 {
			t.Errorf("node type %s is in %d lists, want 1", name, lists[name])
		}
		delete(lists, name)
		fields, ok := grammarOf().rules[message]
		if !ok {
			continue
		}
		for j, decision := range fields {
			if decision == undecided {
				t.Errorf("field %s of %s is in no list", message.Fields().Get(j).Name(), name)
			}
		}
	}
	for name := range lists {
		t.Errorf("%s is no node type of this parser", name)
	}
}

// TestWalkRefusesWhatIsSetAfterParsing fills fields that a parser leaves empty.
func TestWalkRefusesWhatIsSetAfterParsing(t *testing.T) {
	tree, refusal := parse("SELECT name FROM pets WHERE name IS NULL")
	if refusal != nil {
		t.Fatal(refusal)
	}
	if refusal := walk("", tree); refusal != nil {
		t.Fatal(refusal)
	}
	s := tree.Stmts[0].Stmt.GetSelectStmt()
	s.WhereClause.GetNullTest().Argisrow = true
	if refusal := walk("", tree); refusal == nil || !strings.HasSuffix(refusal.Message, ": NullTest.argisrow") {
		t.Errorf("NullTest.argisrow: %v", refusal)
	}
	s.WhereClause = &pg_query.Node{Node: &pg_query.Node_Var{Var: &pg_query.Var{}}}
	if walk("", tree) == nil {
		t.Error("the walk admits Var")
	}
}

func TestOldServerHasNoJSONSyntax(t *testing.T) {
	p := practice(t)
	p.Catalog.ServerVersion = 150012
	for _, c := range readCases(t, "testdata/allowed/json.txt") {
		if _, refusal := verdict(t, c.statement(), p); refusal == nil || refusal.Code != NotSupported {
			t.Errorf("%s: %v, want %s", c.sql, refusal, NotSupported)
		}
	}
}

// TestWhatIsAdmittedIsUsed shows of each field that the walk accepts an allowed
// case that sets it: what no honest statement has, nobody needs to understand.
func TestWhatIsAdmittedIsUsed(t *testing.T) {
	used := map[protoreflect.FullName]bool{}
	var visit func(protoreflect.Message)
	visit = func(m protoreflect.Message) {
		for field := range populated(m) {
			used[field.FullName()] = true
			v := m.Get(field)
			switch {
			case field.Kind() != protoreflect.MessageKind:
			case field.IsList():
				for i := range v.List().Len() {
					visit(v.List().Get(i).Message())
				}
			default:
				visit(v.Message())
			}
		}
	}
	for _, file := range caseFiles(t, "allowed") {
		for _, c := range readCases(t, file) {
			tree, refusal := parse(c.statement())
			if refusal != nil {
				t.Fatal(refusal)
			}
			visit(tree.ProtoReflect())
		}
	}
	for message, decisions := range grammarOf().rules {
		for i, d := range decisions {
			if name := message.Fields().Get(i).FullName(); d == accepted && !used[name] {
				t.Errorf("no allowed case sets %s", name)
			}
		}
	}
}

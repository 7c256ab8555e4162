package cli

import (
	"strings"
	"testing"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

func TestPickSample(t *testing.T) {
	table := func(name string, columns ...string) *catalog.Relation {
		r := &catalog.Relation{Schema: "public", Name: name}
		for _, c := range columns {
			r.Columns = append(r.Columns, catalog.Column{Name: c, Type: "text"})
		}
		return r
	}
	for _, c := range []struct {
		name                string
		tables              []*catalog.Relation
		table, open, closed string
	}{
		{"with a closed column", []*catalog.Relation{table("a", "id"), table("b", "email", "id"), table("c", "id", "email")}, "public.b", "id", "email"},
		{"without", []*catalog.Relation{table("a", "email"), table("b", "id"), table("c", "id")}, "public.b", "id", ""},
		{"quoted", []*catalog.Relation{table("My table", "id")}, `public."My table"`, "id", ""},
		{"nothing to read", []*catalog.Relation{table("a", "email"), table("b")}, "", "", ""},
	} {
		s := pickSample(c.tables)
		if s == nil {
			s = &sample{}
		}
		if s.Table != c.table || s.Open != c.open || s.Closed != c.closed {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

// TestFirstScenarioQuotes proves that a name of any kind is one argument of a
// command, and what it was in SQL.
func TestFirstScenarioQuotes(t *testing.T) {
	f := &foundServer{Databases: []*foundDatabase{{Name: "shop", Schemas: []string{"public", "My schema"}, Sample: &sample{
		Table: `public."it's"`, Columns: []catalog.Column{{Name: "A b", Type: "geometry"}}, Open: "A b",
	}}}}
	files, err := f.beside("conf/my.cue")
	if err != nil {
		t.Fatal(err)
	}
	text := files["scenarios/first.txtar"]
	for _, want := range []string{
		"cp $FOLDER/../my.cue config.cue\n",
		`execute_sql '{"database":"shop","sql":"select \"A b\" from public.\"it''s\""}'` + "\n",
		`create schema "My schema";` + "\n",
		`"A b" text` + "\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
}

package mcpserver

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
)

func TestArguments(t *testing.T) {
	schema := inputSchema[SearchArgs]()
	for _, c := range []struct{ args, message, hint string }{
		{``, "", ""},
		{`null`, "", ""},
		{`{}`, "", ""},
		{`{"query": "", "detail": "names"}`, "", ""},
		{`[]`, "the arguments are no JSON object", ""},
		{`{"detail": "nmaes"}`, `argument "detail" cannot be "nmaes"`, `did you mean "names"? There are: names, summary, full`},
		{`{"detail": "everything"}`, `argument "detail" cannot be "everything"`, "there are: names, summary, full"},
		{`{"detail": null}`, `argument "detail" must be a string`, ""},
		{`{"query": 7}`, `argument "query" must be a string`, ""},
		{`{"query": "` + strings.Repeat("ü", 1000) + `"}`, "", ""},
		{`{"query": "` + strings.Repeat("ü", 1001) + `"}`, `argument "query" has more than 1000 characters`, ""},
		{`{"databse": "shop"}`, `there is no argument "databse"`, `did you mean "database"? There are: database, detail, query`},
		{`{"Query": "x"}`, `there is no argument "Query"`, `did you mean "query"? There are: database, detail, query`},
	} {
		_, err := readArguments[SearchArgs](json.RawMessage(c.args), schema)
		if c.message == "" && err == nil {
			continue
		}
		r, ok := errors.AsType[*Reason](err)
		if !ok || r.Code != "invalid_arguments" || r.Message != c.message || r.Hint != c.hint {
			t.Errorf("%.50s: %v", c.args, err)
		}
	}

	in, err := readArguments[SQLArgs](json.RawMessage(`{"sql": "select 1", "database": "shop"}`), inputSchema[SQLArgs]())
	if diff := cmp.Diff(SQLArgs{SQL: "select 1", Database: "shop"}, in); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := readArguments[SQLArgs](json.RawMessage(`{}`), inputSchema[SQLArgs]()); err == nil || !strings.Contains(err.Error(), `argument "sql" is missing`) {
		t.Errorf("no SQL: %v", err)
	}
	if _, err := readArguments[NoArgs](json.RawMessage(`{"x": "y"}`), inputSchema[NoArgs]()); err == nil || err.(*Reason).Hint != "there are: none" {
		t.Errorf("no arguments at all: %v", err)
	}
}

// What a schema demands and [readArguments] does not know, nobody checks.
func TestInputSchemasAreChecked(t *testing.T) {
	checked := []string{"type", "description", "enum", "maxLength"}
	for _, schema := range []*jsonschema.Schema{inputSchema[NoArgs](), inputSchema[SearchArgs](), inputSchema[SQLArgs](), inputSchema[AskArgs]()} {
		for name, p := range schema.Properties {
			text, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			var demands map[string]any
			if err := json.Unmarshal(text, &demands); err != nil {
				t.Fatal(err)
			}
			for demand := range demands {
				if !slices.Contains(checked, demand) {
					t.Errorf("argument %q: %s is not checked", name, demand)
				}
			}
			if p.Type != "string" {
				t.Errorf("argument %q is a %s", name, p.Type)
			}
		}
	}
}

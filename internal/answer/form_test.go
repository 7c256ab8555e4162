package answer

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDraft(t *testing.T) {
	tests := []struct {
		name, reply string
		want        draft
		err         string // a part of it
	}{
		{"sql", `{"status":"sql","assumptions":["  Paid\norders only. ",""],"filters":[],"sql":" select 1\n","message":"aside"}`,
			draft{Status: "sql", Assumptions: []string{"Paid orders only."}, Filters: []filter{}, SQL: "select 1"}, ""},
		{"clarify", `{"status":"clarify","assumptions":[],"filters":[],"sql":"select 1","message":"Gross\u202e or net?"}`,
			draft{Status: "clarify", Filters: []filter{}, Message: "Gross or net?"}, ""},
		{"unanswerable", `{"status":"unanswerable","assumptions":[],"filters":[],"sql":"","message":"There is no weather."}`,
			draft{Status: "unanswerable", Filters: []filter{}, Message: "There is no weather."}, ""},
		{"prose", `Here is your SQL: select 1`, draft{}, "not JSON"},
		{"fenced", "```json\n{}\n```", draft{}, "not JSON"},
		{"two values", `{"status":"sql","assumptions":[],"filters":[],"sql":"select 1","message":""} {}`, draft{}, "not JSON"},
		{"an array", `[]`, draft{}, "not as asked for"},
		{"null", `null`, draft{}, "not as asked for"},
		{"a field lacks", `{"status":"sql","sql":"select 1","message":""}`, draft{}, "not as asked for"},
		{"a field more", `{"status":"sql","assumptions":[],"filters":[],"sql":"select 1","message":"","confidence":1}`, draft{}, "confidence"},
		{"a field in capitals", `{"status":"sql","assumptions":[],"filters":[],"SQL":"select 1","message":""}`, draft{}, "not as asked for"},
		{"another status", `{"status":"trusted","assumptions":[],"filters":[],"sql":"select 1","message":""}`, draft{}, "status"},
		{"another type", `{"status":"sql","assumptions":"none","filters":[],"sql":"select 1","message":""}`, draft{}, "assumptions"},
		{"no SQL", `{"status":"sql","assumptions":[],"filters":[],"sql":" ","message":""}`, draft{}, "there is none"},
		{"no message", `{"status":"clarify","assumptions":[],"filters":[],"sql":"","message":"\n"}`, draft{}, "without saying why"},
	}
	f := newForm(draftSchema)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d draft
			err := f.read(tt.reply, &d)
			if err == nil {
				d, err = d.cleaned(excerpt{})
				if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Code != "model_failed") {
					t.Errorf("error %T %v", err, err)
				}
			}
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || len(err.Error()) > 400 {
					t.Errorf("error %v, want …%s…", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, d); d != "" {
				t.Errorf("draft (-want +got):\n%s", d)
			}
		})
	}

	many := draft{Status: "sql", SQL: "select 1", Assumptions: slices.Repeat([]string{strings.Repeat("x", 1000)}, 100)}
	if d, _ := many.cleaned(excerpt{}); len(d.Assumptions) != 10 || len([]rune(d.Assumptions[0])) != 300 {
		t.Errorf("%d assumptions", len(d.Assumptions))
	}
}

func TestVerdict(t *testing.T) {
	f := newForm(verdictSchema)
	reply, err := json.Marshal(good())
	if err != nil {
		t.Fatal(err)
	}
	var v verdict
	if err := f.read(string(reply), &v); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(*good(), v); d != "" {
		t.Errorf("verdict (-want +got):\n%s", d)
	}
	for _, edit := range [][2]string{
		{`"intent_matches":"yes"`, `"intent_matches":"YES"`},
		{`"intent_matches":"yes"`, `"intent_matches":true`},
		{`"verdict":"yes"`, `"verdict":"yes","confidence":0.99`},
		{`"ambiguity":"none"`, `"ambiguity":""`},
		{`"joins_correct":"yes",`, ``},
	} {
		edited := strings.Replace(string(reply), edit[0], edit[1], 1)
		if edited == string(reply) {
			t.Fatalf("no %s in %s", edit[0], reply)
		}
		if err := f.read(edited, &v); err == nil {
			t.Errorf("%s is taken for %s", edit[1], edit[0])
		}
	}
}

// The order of a schema is the order in which models write: what the SQL answers
// must be written before any verdict on it, assumptions before the SQL.
func TestSchemaOrder(t *testing.T) {
	for _, tt := range []struct {
		schema string
		into   any
		order  []string
	}{
		{draftSchema, draft{}, []string{"status", "assumptions", "filters", "sql", "message"}},
		{verdictSchema, verdict{}, []string{"reads_as", "intent_matches", "ambiguity", "other_reading", "verdict"}},
	} {
		var s struct {
			Properties map[string]any
			Required   []string
		}
		if err := json.Unmarshal([]byte(tt.schema), &s); err != nil {
			t.Fatal(err)
		}
		last := -1
		for _, name := range tt.order {
			at := strings.Index(tt.schema, `"`+name+`": {`)
			if at < last {
				t.Errorf("%s comes too early", name)
			}
			last = at
		}
		fields := reflect.TypeOf(tt.into)
		if fields.NumField() != len(s.Properties) || len(s.Required) != len(s.Properties) {
			t.Errorf("%s has %d fields, its schema %d, of which %d are required", fields, fields.NumField(), len(s.Properties), len(s.Required))
		}
		for f := range fields.Fields() {
			if _, ok := s.Properties[f.Tag.Get("json")]; !ok || !slices.Contains(s.Required, f.Tag.Get("json")) {
				t.Errorf("%s.%s is not in its schema, or not required", fields, f.Name)
			}
		}
	}
}

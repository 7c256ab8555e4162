package answer

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/query"
)

// A literal is grounded by the question, by what is known of its column, by a
// value that was found, or by a comment.
func TestUngrounded(t *testing.T) {
	v := shelf(
		holding(2, "PG-13", "G"), // a: all of them
		&catalog.ColumnStatistics{Distinct: -0.5, Bounds: []string{"Port Amber", "Sci-Fi"}}, // b: some
	)
	for _, tt := range []struct{ question, sql, want string }{
		{"Which?", "select 1 from films where a = 'g'", ""},
		{"Which?", "select 1 from films where a = 'X'", `films.a is compared with "X", which is not known to be in it`},
		{"Which X?", "select 1 from films where a = 'X'", `films.a is compared with "X", which is not known to be in it`}, // it has no X
		{"Which?", "select 1 from films where b = 'Xyzzy'", `films.b is compared with "Xyzzy", which is not known to be in it`},
		{"Which xyzzy?", "select 1 from films where b = 'Xyzzy'", ""},
		{"Which?", "select 1 from films where b in ('Port Amber', 'Nowhere')", `films.b is compared with "Nowhere", which is not known to be in it`},
		{"Which?", "select 1 from films where b like '%Amber%'", ""},
		{"Which?", "select 1 from films where b ilike 'nowhere_%'", `films.b is compared with "nowhere", which is not known to be in it`},
		{"Which nowhere?", "select 1 from films where b ilike 'nowhere_%'", ""},
		{"What is in Sci Fi?", "select 1 from films where b = 'Sci Fi'", `films.b is compared with "Sci Fi", and what is in it is "Sci-Fi"`},
		{"What is in Sci Fi?", "select 1 from films where b = 'Sci-Fi'", ""},
		{"Which?", "select 1 from films where c = 'archived'", ""}, // its comment says so
	} {
		r := v.policy.Catalog.Relation("public", "films")
		if r.Column("c") == nil {
			r.Columns = append(r.Columns, catalog.Column{Name: "c", Number: 3, Type: "text", TypeOID: 25, Comment: "Active or archived"})
		}
		s, err := guard.Check(tt.sql, v.policy)
		if err != nil {
			t.Fatal(err)
		}
		grounds, _ := v.grounds(spansOf(tt.question))
		got := ungrounded(evidence{question: tt.question, grounds: grounds, facts: s.Facts(), statistics: v.statistics})
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s (-want +got):\n%s", tt.question, tt.sql, d)
		}
	}
}

func TestUnfiltered(t *testing.T) {
	stated := draft{Filters: []filter{{Column: "public.films.a", Op: "=", Value: "G", FromQuestion: true}}}
	own := draft{Filters: []filter{{Column: "public.films.a", Op: "=", Value: "G"}}}
	for _, tt := range []struct {
		question string
		draft    draft
		facts    guard.Facts
		want     string
	}{
		{"How many?", draft{}, guard.Facts{}, ""},
		{`How many "Gs"?`, draft{}, guard.Facts{}, `the question names "Gs", and the SQL filters by nothing`},
		{`How many "Gs"?`, draft{}, guard.Facts{Filtered: true}, ""},
		{`How many "Gs"?`, draft{}, guard.Facts{Constants: []string{"gs"}}, ""},
		{"How many G?", draft{}, guard.Facts{}, `the question names "G", and the SQL filters by nothing`},
		{"How many?", stated, guard.Facts{}, "the model names a condition on public.films.a, and the SQL filters by nothing"},
		{"How many?", own, guard.Facts{}, ""},
	} {
		e := evidence{question: tt.question, draft: tt.draft, facts: tt.facts}
		if strings.Contains(tt.question, " G?") {
			e.grounds = []ground{{value: "G", said: "G"}}
		}
		if d := cmp.Diff(tt.want, unfiltered(e)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.question, d)
		}
	}
}

// What a model is told of an error holds no data of the database.
func TestRepairRequest(t *testing.T) {
	in := asked{question: "Why?", shown: excerpt{text: "table t\n"}, date: "The time zone is UTC."}
	sql := "select nme, 'Ann' from t\nwhere x = 1"
	f := fault{"unknown_column", `column "nme" is not "secret" or 'hidden', unlike 'Ann'`, `did you mean "name"?`, 8}
	r := repairRequest("m", in, sql, f)
	want := draftRequest("m", in).Messages[1].Content + `

This SQL was written for it, each line after a bar:
| select nme, 'Ann' from t
| where x = 1

It cannot be run. unknown_column: "column \"nme\" is not <value> or <value>, unlike 'Ann'"
at: "select nme, 'Ann' from t where x = 1"
hint: "did you mean <value>?"

Mend it, or say that the question needs to be clarified or cannot be answered. What may not be read is not to be had in another way.`
	if d := cmp.Diff(want, r.Messages[1].Content); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if r.Stage != "repair" || r.Messages[0] != draftRequest("m", in).Messages[0] {
		t.Errorf("stage %s: the prompt does not begin as the first", r.Stage)
	}
	for _, err := range []error{&guard.Refusal{Code: guard.BlockedColumn}, &query.Error{Code: query.Timeout}, &query.Error{Code: query.PermissionDenied}} {
		if f, ok := faultOf(err); !ok || !f.mendable() {
			t.Errorf("%v cannot be mended", err)
		}
	}
	for _, err := range []error{&guard.Refusal{Code: guard.Internal}, &query.Error{Code: query.Cancelled}, &query.Error{Code: query.Locked}} {
		if f, ok := faultOf(err); !ok || f.mendable() {
			t.Errorf("%v can be mended", err)
		}
	}
	if _, ok := faultOf(errors.New("x")); ok {
		t.Error("any error is one of a statement")
	}
}

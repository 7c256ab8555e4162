package answer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/policy"
)

func TestSpans(t *testing.T) {
	for _, tt := range []struct{ question, want string }{
		{"How many orders?", "How"},
		{"how many orders went to Casalta?", "Casalta~"},
		{"Which films are rated PG-13 in New York City's zoo?", "Which|PG-13~|New York City~"},
		{`What of "port amber", “Zürich” and 'a b'?`, "port amber~|Zürich~|a b~|What"},
		{"Show Ann's orders", "Show Ann|Ann~"},
		{"It's Bob's: the 2nd of 1024, not 7", "It's Bob|Bob~|2nd|1024"},
		{"THE END. New Year", "THE END|END~|New Year~"},
		{"", ""},
		{"a 'quote that does not end", ""},
	} {
		var got []string
		for _, s := range spansOf(tt.question) {
			text := s.text
			if s.alike {
				text += "~"
			}
			got = append(got, text)
		}
		if d := cmp.Diff(tt.want, strings.Join(got, "|")); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.question, d)
		}
	}
	if n := len(spansOf(strings.Repeat("a B1 c D2 e F3 ", 50) + strings.Repeat(`"x`+`y" `, 50))); n > 12 {
		t.Errorf("%d spans", n)
	}
}

// shelf is a policy over one table, with statistics.
func shelf(values ...*catalog.ColumnStatistics) view {
	r := &catalog.Relation{OID: 1, Schema: "public", Name: "films", Kind: catalog.Table}
	columns := map[catalog.ColumnID]*catalog.ColumnStatistics{}
	for i, s := range values {
		name := string(rune('a' + i))
		r.Columns = append(r.Columns, catalog.Column{Name: name, Number: int16(i + 1), Type: "text", TypeOID: 25})
		columns[catalog.ColumnID{Relation: 1, Number: int16(i + 1)}] = s
	}
	c := &catalog.Catalog{Schemas: []string{"public"}, Relations: []*catalog.Relation{r}}
	cfg := libraryConfig()
	cfg.Databases = map[string]config.Database{"films": {Schemas: []string{"public"}}}
	return view{policy.Compile(cfg, "films").Close(c), catalog.NewStatistics(columns), "", valuesStats, roomy}
}

// holding are statistics of a column whose values are equally common.
func holding(distinct float64, values ...string) *catalog.ColumnStatistics {
	s := &catalog.ColumnStatistics{Distinct: distinct}
	for _, v := range values {
		s.Common = append(s.Common, catalog.Common{Value: v, Share: 1 / float64(len(values))})
	}
	return s
}

func TestGrounds(t *testing.T) {
	v := shelf(
		holding(3, "PG-13", "Sci-Fi", "port amber"),
		&catalog.ColumnStatistics{Distinct: -1, Bounds: []string{"Port Amber", "Port Amberley", "O'Hara", "evil\nline"}},
	)
	for _, tt := range []struct{ question, want, missing string }{
		{"Which films are PG-13?", "public.films.a has 'PG-13'", "Which"},
		{"and Sci Fi?", `public.films.a has 'Sci-Fi', which is like "Sci Fi"`, ""},
		{`where is "Port Amber"`, "public.films.a has 'port amber'; public.films.b has 'Port Amber'", ""},
		{"what of Port Ambers", `public.films.a has 'port amber', which is like "Port Ambers"; public.films.b has 'Port Amber', which is like "Port Ambers"`, "Port Ambers"},
		{"what of O'hara?", "public.films.b has 'O''Hara'", ""},
		{`is "evil line" there`, "", "evil line"},
		{"and Xyzzy?", "", "Xyzzy"},
	} {
		grounds, missing := v.grounds(spansOf(tt.question))
		text := strings.TrimPrefix(groundsText(grounds), "Values of the database that the question may mean:\n")
		got := strings.Join(strings.FieldsFunc(strings.ReplaceAll(text, "  ", ""), func(r rune) bool { return r == '\n' }), "; ")
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.question, d)
		}
		var names []string
		for _, s := range missing {
			names = append(names, s.text)
		}
		if d := cmp.Diff(tt.missing, strings.Join(names, "|")); d != "" {
			t.Errorf("%s: missing (-want +got):\n%s", tt.question, d)
		}
	}
	for _, mode := range []string{valuesOff, valuesEnum} {
		v.values = mode
		if grounds, _ := v.grounds(spansOf("Which films are PG-13?")); grounds != nil {
			t.Errorf("%s: %v", mode, grounds)
		}
	}
}

func TestValuesText(t *testing.T) {
	skewed := func(shares ...float64) *catalog.ColumnStatistics {
		s := &catalog.ColumnStatistics{Distinct: float64(len(shares))}
		for i, share := range shares {
			s.Common = append(s.Common, catalog.Common{Value: string(rune('z' - i)), Share: share})
		}
		return s
	}
	nulls := skewed(0.2, 0.1)
	nulls.Nulls = 0.7
	for _, tt := range []struct {
		name      string
		s         *catalog.ColumnStatistics
		typ, mode string
		want      string
	}{
		{"few", holding(2, "b", "it's"), "text", valuesEnum, "  values: 'b' 'it''s'"},
		{"off", holding(2, "b", "a"), "text", valuesOff, ""},
		{"none", nil, "text", valuesStats, ""},
		{"numbers", holding(3, "10", "9", "-1"), "integer", valuesStats, "  values: -1 9 10"},
		{"beside NULL", nulls, "text", valuesStats, "  values: 'y' 'z'"},
		{"rare ones", skewed(0.6, 0.396, 0.004), "text", valuesStats, "  values: 'y' 'z'"},
		{"many", skewed(0.3, 0.06, 0.04, 0.01), "text", valuesStats, "  common values: 'z'"},
		{"many, the step further down", skewed(0.3, 0.2, 0.15, 0.01), "text", valuesStats, "  common values: 'x' 'y' 'z'"},
		{"many, but only few are wanted", skewed(0.3, 0.06, 0.04), "text", valuesEnum, ""},
		{"too many", holding(31, strings.Split("abcdefghijklmnopqrstuvwxyz01234", "")...), "text", valuesStats, ""},
		{"a hash", holding(2, "b", strings.Repeat("0f", 16)), "text", valuesStats, "  common values: 'b'"},
		{"long", holding(2, "b", strings.Repeat("very ", 10)), "text", valuesStats, "  common values: 'b'"},
		{"two lines", holding(2, "b", "a\nb"), "text", valuesStats, "  common values: 'b'"},
		{"not to be seen", holding(2, "b", "a\u202eb"), "text", valuesStats, "  common values: 'b'"},
	} {
		if d := cmp.Diff(tt.want, valuesText(tt.s, tt.typ, tt.mode)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

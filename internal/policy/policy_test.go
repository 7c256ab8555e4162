package policy_test

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/policy"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

//go:embed testdata/clinic.sql
var clinic string

func load(t testing.TB, url string) *catalog.Catalog {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	c, err := catalog.Load(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rules are the rules of a database "clinic" under a policy.
func rules(s config.Security, schemas ...string) *policy.Rules {
	return policy.Compile(&config.Config{
		Security:  s,
		Databases: map[string]config.Database{"clinic": {Schemas: schemas}},
	}, "clinic")
}

var blocked = config.Blocked{
	Schemas: []string{"vault"},
	Tables:  []string{"public.payments", "public.Köter *", "logs.entries_private"},
	Columns: []string{"*.chip", "owners.iban"},
}

func TestRelations(t *testing.T) {
	want := map[string]policy.Verdict{
		"vault.keys":              policy.BlockedSchema,
		"vault.everything_secret": policy.BlockedSchema,
		"parts.rooms":             policy.ClosedSchema,
		"parts.visits_2024":       policy.ClosedSchema,
		"parts.payments_2024":     policy.ClosedSchema,
		"public.counter":          policy.NotTabular,

		"public.payments":      policy.BlockedTable,
		"public.misc":          policy.BlockedTable, // a partition of a partition of a blocked table, by way of a closed schema
		"public.Köter Liste":   policy.BlockedTable,
		"logs.entries_private": policy.BlockedTable,
		"logs.entries":         policy.BlockedChild,
		"logs.everything":      policy.BlockedChild,

		"public.owners":      policy.Allowed,
		"public.animals":     policy.Allowed,
		"public.horses":      policy.Allowed,
		"public.racehorses":  policy.Allowed,
		"public.visits":      policy.Allowed, // that a partition's schema is not listed does not matter
		"public.visits_rest": policy.Allowed,
		"logs.people":        policy.Allowed,
		"logs.people_vip":    policy.Allowed,

		"public.names":       policy.Allowed,
		"public.names_again": policy.Allowed,
		"public.counted":     policy.Allowed,
		"public.joined":      policy.Allowed,
		"public.rooms":       policy.Allowed, // publishes a table of a closed schema
		"public.visit_days":  policy.Allowed,
		"public.mine":        policy.Allowed,
		"public.numbered":    policy.Allowed,
		"public.phones":      policy.Allowed,
		"stats.kinds":        policy.Allowed,
		"stats.chip":         policy.Allowed,

		"public.chips":       policy.Allowed, // but for their columns that show something blocked
		"public.chips_again": policy.Allowed,
		"public.documents":   policy.Allowed,
		"public.masks":       policy.Allowed,

		"public.by_chip":   policy.BlockedView,
		"public.keys":      policy.BlockedView,
		"public.misc_days": policy.BlockedView,
		"public.entries":   policy.BlockedView,
		"public.doses":     policy.BlockedView,
		"public.tallies":   policy.BlockedView,
		"public.operated":  policy.BlockedView,
		"public.activity":  policy.BlockedView,
		"public.described": policy.BlockedView,
		"public.exported":  policy.BlockedView,
		"stats.tree":       policy.BlockedView,
		"stats.codes":      policy.BlockedView, // its one column
	}
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		c := load(t, s.Open(t, clinic))
		p := rules(config.Security{Blocked: blocked}, "public", "logs", "stats", "vault", "missing").Close(c)
		got := map[string]policy.Verdict{}
		for _, r := range c.Relations {
			got[r.String()] = p.Verdict(r)
			if allowed := p.Verdict(r) == policy.Allowed; p.Relation(r) != allowed || !allowed && len(p.Columns(r)) > 0 {
				t.Errorf("%s: verdict %d, but Relation says %v and Columns %v", r, p.Verdict(r), p.Relation(r), p.Columns(r))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if diff := cmp.Diff([]string{"public", "logs", "stats"}, p.SearchPath); diff != "" {
			t.Errorf("search path: -want +got:\n%s", diff)
		}
		for schema, want := range map[string]policy.Verdict{
			"public": policy.Allowed, "vault": policy.BlockedSchema, "parts": policy.ClosedSchema,
			"nowhere": policy.ClosedSchema, "pg_catalog": policy.ClosedSchema,
		} {
			if got := p.Schema(schema); got != want {
				t.Errorf("Schema(%q) = %d, want %d", schema, got, want)
			}
		}
		if p.Relation(&catalog.Relation{OID: 1, Schema: "public", Name: "stranger"}) {
			t.Error("a relation that is not in the catalog may be read")
		}
	})
}

func TestColumns(t *testing.T) {
	c := load(t, pgtest.Open(t, clinic))
	tests := []struct {
		relation   string
		columns    []string
		want, only []string // what may be read, plainly and by FROM ONLY
	}{
		{"public.animals", []string{"*.chip"}, []string{"id", "name", "kind", "owner", "weight"}, nil},
		{"public.racehorses", []string{"*.chip"}, []string{"id", "name", "kind", "owner", "weight", "stable", "wins"}, nil},
		{"public.racehorses", []string{"animals.chip"}, []string{"id", "name", "kind", "owner", "weight", "stable", "wins"}, nil},
		{"public.owners", []string{"public.owners.iban"}, []string{"id", "name"}, nil},
		{"public.owners", []string{"logs.owners.iban"}, []string{"id", "name", "iban", "masked"}, nil},
		{"public.owners", []string{"owners.I*"}, []string{"id", "name", "iban", "masked"}, nil},
		{"public.owners", []string{"own*.i*n"}, []string{"id", "name"}, nil},
		{"logs.people", []string{"people_vip.phone"}, []string{"name"}, []string{"name", "phone"}},
		{"logs.people_vip", []string{"people_vip.phone"}, []string{"name", "chip_note"}, nil},
		{"public.horses", []string{"racehorses.name"}, []string{"id", "kind", "chip", "owner", "weight", "stable"}, []string{"id", "name", "kind", "chip", "owner", "weight", "stable"}},
		{"public.animals", []string{"racehorses.name"}, []string{"id", "kind", "chip", "owner", "weight"}, []string{"id", "name", "kind", "chip", "owner", "weight"}},
		{"public.racehorses", []string{"horses.stable"}, []string{"id", "name", "kind", "chip", "owner", "weight", "wins"}, nil},
		{"stats.chip", []string{"*.chip"}, []string{"id"}, nil},
		{"public.phones", []string{"people.name"}, []string{"phone"}, nil},
		{"public.phones", []string{"people_vip.phone"}, nil, nil},
		{"public.chips", []string{"*.chip"}, []string{"id"}, nil},
		{"public.chips_again", []string{"*.chip"}, []string{"id"}, nil},
		{"public.documents", []string{"*.chip"}, []string{"id"}, nil},
		{"public.masks", []string{"owners.iban"}, []string{"id"}, nil}, // which masked is computed from
		{"public.owners", []string{"owners.*"}, nil, nil},
		{"logs.people", []string{"people_vip.name", "people_vip.phone"}, nil, []string{"name", "phone"}},
	}
	for _, tt := range tests {
		t.Run(tt.relation+" "+tt.columns[0], func(t *testing.T) {
			p := rules(config.Security{Blocked: config.Blocked{Columns: tt.columns}}, "public", "logs", "stats").Close(c)
			r := c.Relation(schemaAndName(tt.relation))
			var got, only []string
			for _, x := range p.Columns(r) {
				got = append(got, x.Name)
			}
			for i := range r.Columns {
				if p.OnlyColumn(r, &r.Columns[i]) {
					only = append(only, r.Columns[i].Name)
				}
				if p.Column(r, &r.Columns[i]) != slices.Contains(got, r.Columns[i].Name) {
					t.Errorf("Column and Columns differ about %s", r.Columns[i].Name)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if tt.only == nil {
				tt.only = tt.want
			}
			if diff := cmp.Diff(tt.only, only); diff != "" {
				t.Errorf("FROM ONLY: -want +got:\n%s", diff)
			}
		})
	}
}

func TestOnly(t *testing.T) {
	c := load(t, pgtest.Open(t, clinic))
	p := rules(config.Security{Blocked: blocked}, "public", "logs").Close(c)
	for relation, want := range map[string]bool{
		"logs.entries": true, "logs.everything": true, "public.animals": true,
		"logs.entries_private": false, "public.payments": false, "public.misc": false, "vault.keys": false, "parts.rooms": false,
	} {
		if got := p.Only(c.Relation(schemaAndName(relation))); got != want {
			t.Errorf("Only(%s) = %v", relation, got)
		}
	}
}

func TestFunctionsAndOperators(t *testing.T) {
	c := load(t, pgtest.Open(t, clinic))
	tests := []struct {
		name     string
		security config.Security
		want     []string
	}{
		{"nothing is allowed by itself", config.Security{}, nil},
		{"by name", config.Security{AllowFunctions: []string{"public.dose"}}, []string{"dose", "###"}},
		{"by pattern, never procedures", config.Security{AllowFunctions: []string{"public.*"}},
			[]string{"clean_up", "dose", "kg_multirange", "kg_multirange", "kg_multirange", "kg_range", "kg_range", "packed", "packed_secret", "tally", "###", "@@@", "@@@!"}},
		{"blocking wins over names", config.Security{
			AllowFunctions: []string{"public.dose", "public.tally"}, Blocked: config.Blocked{Functions: []string{"tal*"}}},
			[]string{"dose", "###"}},
		{"blocked schema", config.Security{AllowFunctions: []string{"vault.open"}, Blocked: config.Blocked{Schemas: []string{"va*"}}}, nil},
		{"a schema that is not listed", config.Security{AllowFunctions: []string{"vault.open"}}, []string{"open"}},
		{"extension", config.Security{AllowExtensions: []string{"plpgsql"}}, []string{"packed", "packed_secret", "@@@", "@@@!", "|+|!"}},
		{"blocking wins over extensions", config.Security{
			AllowExtensions: []string{"plpgsql"}, Blocked: config.Blocked{Functions: []string{"public.packed_*"}}},
			[]string{"packed", "@@@", "|+|!"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := rules(tt.security, "public").Close(c)
			var got []string
			for _, f := range c.Functions {
				if p.Function(f) {
					got = append(got, f.Name)
				}
			}
			for _, o := range c.Operators {
				if p.Operator(o) {
					got = append(got, o.Name)
				}
			}
			slices.Sort(got)
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestViewsOfAllowedFunctions(t *testing.T) {
	c := load(t, pgtest.Open(t, clinic))
	p := rules(config.Security{
		AllowFunctions: []string{"public.dose"},
		Blocked:        config.Blocked{Functions: []string{"count", "current_setting"}},
	}, "public", "stats").Close(c)
	for view, want := range map[string]policy.Verdict{
		"public.doses":    policy.Allowed,
		"public.operated": policy.Allowed,
		"public.tallies":  policy.BlockedView,
		"public.counted":  policy.BlockedView,
		"public.mine":     policy.BlockedView,
		"stats.kinds":     policy.BlockedView,
		"public.chips":    policy.Allowed,
	} {
		if got := p.Verdict(c.Relation(schemaAndName(view))); got != want {
			t.Errorf("%s: verdict %d, want %d", view, got, want)
		}
	}
}

func TestBuiltin(t *testing.T) {
	c := &catalog.Catalog{}
	p := rules(config.Security{}, "public").Close(c)
	for name, want := range map[string]bool{
		"count": true, "date_trunc": true, "jsonb_path_query": true, "generate_series": true, "current_user": true, "version": true,
		"pg_sleep": false, "pg_read_file": false, "query_to_xml": false, "ts_stat": false, "ts_rewrite": false, "nextval": false,
		"set_config": false, "current_setting": false, "lo_get": false, "pg_get_viewdef": false, "inet_server_addr": false,
		"pg_input_is_valid": false, "setseed": false, "to_regclass": false, "no_such_function": false, "": false, "Aggregates": false, "#": false,
	} {
		if got := p.Builtin(name); got != want {
			t.Errorf("Builtin(%q) = %v", name, got)
		}
	}
	p = rules(config.Security{
		AllowFunctions: []string{"pg_catalog.pg_sleep"},
		Blocked:        config.Blocked{Functions: []string{"md5", "pg_catalog.json_*", "public.count"}},
	}, "public").Close(c)
	for name, want := range map[string]bool{
		"md5": false, "json_agg": false, "jsonb_agg": true, "count": true, "pg_sleep": false,
	} {
		if got := p.Builtin(name); got != want {
			t.Errorf("with blocked functions: Builtin(%q) = %v", name, got)
		}
	}
}

func TestTypes(t *testing.T) {
	c := load(t, pgtest.Open(t, clinic))
	judge := func(s config.Security) map[string]bool {
		p := rules(s, "public").Close(c)
		got := map[string]bool{}
		for _, name := range []string{
			"species", "weight", "short", "checked", "over_checked", "kg_range", "wrapped", "packed_type",
			"owners", "animals", "payments", "chips", "phones",
		} {
			got[name] = p.Type(c.ResolveType("public", name, nil))
		}
		got["grade"] = p.Type(c.ResolveType("vault", "grade", nil))
		got["rooms"] = p.Type(c.ResolveType("parts", "rooms", nil))
		got["int4"] = p.Type(23)
		return got
	}
	want := map[string]bool{
		"species": true, "weight": true, "short": true, "kg_range": true, "owners": false, "animals": true, "phones": true,
		"checked": false, "over_checked": false, "wrapped": false, "packed_type": false,
		"payments": false, "chips": true, "grade": false, "rooms": false, "int4": false,
	}
	if diff := cmp.Diff(want, judge(config.Security{Blocked: config.Blocked{
		Schemas: []string{"vault"}, Tables: []string{"public.payments"}, Columns: []string{"owners.iban"}}})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	want["owners"], want["payments"], want["grade"], want["packed_type"] = true, true, true, true
	if diff := cmp.Diff(want, judge(config.Security{AllowExtensions: []string{"plpgsql"}})); diff != "" {
		t.Errorf("with an extension: -want +got:\n%s", diff)
	}
}

func TestCompile(t *testing.T) {
	rows, tokens, cost, planned, size, length, timeout, no := 5, 8, 10.0, 11.0, config.Size(7), config.Size(9), config.Duration(time.Second), false
	c := &config.Config{
		Security: config.Security{
			Blocked:      config.Blocked{Tables: []string{"public.owners"}},
			AllowExplain: true,
			Limits:       config.Limits{MaxStatementSize: 3, MaxTokens: 4, MaxRows: 1, MaxBytes: 2, StatementTimeout: config.Duration(3 * time.Second)},
		},
		Databases: map[string]config.Database{
			"plain": {Schemas: []string{"public"}, Pool: config.Pool{Max: 3}},
			"own": {Schemas: []string{"public"}, Security: &config.Overrides{
				Blocked:      config.Blocked{Tables: []string{"public.animals"}},
				AllowExplain: &no,
				Limits:       config.LimitOverrides{MaxStatementSize: &length, MaxTokens: &tokens, MaxRows: &rows, MaxBytes: &size, StatementTimeout: &timeout, MaxCost: &cost, MaxPlanRows: &planned},
			}},
		},
	}
	owners, animals := &catalog.Relation{OID: 1, Schema: "public", Name: "owners"}, &catalog.Relation{OID: 2, Schema: "public", Name: "animals"}
	snapshot := &catalog.Catalog{Schemas: []string{"public"}, Relations: []*catalog.Relation{owners, animals}}

	plain := policy.Compile(c, "plain").Close(snapshot)
	if plain.Database != "plain" || plain.Connections != 3 || !plain.AllowExplain || plain.Relation(owners) || !plain.Relation(animals) {
		t.Errorf("without overrides: %+v", plain)
	}
	if diff := cmp.Diff(policy.Limits{MaxStatementSize: 3, MaxTokens: 4, MaxRows: 1, MaxBytes: 2, StatementTimeout: 3 * time.Second}, plain.Limits); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	own := policy.Compile(c, "own").Close(snapshot)
	if own.AllowExplain || own.Relation(owners) || own.Relation(animals) {
		t.Errorf("with overrides: %+v", own)
	}
	if diff := cmp.Diff(policy.Limits{MaxStatementSize: 9, MaxTokens: 8, MaxRows: 5, MaxBytes: 7, StatementTimeout: time.Second, MaxCost: 10, MaxPlanRows: 11}, own.Limits); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if again := policy.Compile(c, "plain").Close(snapshot); !again.Relation(animals) {
		t.Error("compiling one database changed another")
	}
}

func TestCloseKeepsTheLast(t *testing.T) {
	r := rules(config.Security{}, "public")
	one, two := &catalog.Catalog{}, &catalog.Catalog{}
	first := r.Close(one)
	if r.Close(one) != first {
		t.Error("the same catalog was closed over twice")
	}
	if p := r.Close(two); p == first || p.Catalog != two {
		t.Error("another catalog got the policy of the first")
	}
}

func schemaAndName(relation string) (string, string) {
	for i := range relation {
		if relation[i] == '.' {
			return relation[:i], relation[i+1:]
		}
	}
	return "", relation
}

// large is a catalog of 10,000 tables of 20 columns.
func large() *catalog.Catalog {
	c := &catalog.Catalog{Schemas: []string{"public"}}
	for i := range 10_000 {
		r := &catalog.Relation{OID: uint32(20_000 + i), Schema: "public", Name: fmt.Sprintf("table_%d", i), Kind: catalog.Table}
		for n := range 20 {
			r.Columns = append(r.Columns, catalog.Column{Name: fmt.Sprintf("column_%d", n), Number: int16(n + 1)})
		}
		c.Relations = append(c.Relations, r)
	}
	return c
}

// typical are rules such as many have.
func typical() *policy.Rules {
	return rules(config.Security{Blocked: config.Blocked{
		Schemas: []string{"hr", "audit_*"},
		Tables:  []string{"public.table_7", "public.*_9", "hr.*", "*.secrets"},
		Columns: []string{"*.password_hash", "*.column_3", "*.*token*", "table_4.column_1", "public.table_5.column_2", "*.ssn", "*.iban", "*.email"},
	}}, "public")
}

func BenchmarkClose(b *testing.B) {
	c, r := large(), typical()
	for b.Loop() {
		r.Close(c)
		r.Close(&catalog.Catalog{}) // so that the next one is not kept
	}
}

// PostgreSQL cuts a name off after 63 bytes, and so do the rules.
func TestLongSchemaNames(t *testing.T) {
	name := strings.Repeat("s", 63)
	p := rules(config.Security{}, name+"andmore").Close(&catalog.Catalog{Schemas: []string{name}})
	if !slices.Equal(p.SearchPath, []string{name}) {
		t.Errorf("search path %v, want %s", p.SearchPath, name)
	}
}

package policy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// made is a catalog, and rules for it. Every name in it is used once, so that a
// name that is shown can only come from what has it. The names that the rules
// hide are true in hidden.
func made(random *rand.Rand) (c *catalog.Catalog, cfg *config.Config, hidden map[string]bool) {
	c = &catalog.Catalog{}
	hidden = map[string]bool{}
	security := config.Security{}
	chance := func(n int) bool { return random.IntN(n) == 0 }
	oid := uint32(20_000)
	next := func() uint32 { oid++; return oid }
	var names []string
	name := func(format string, a ...any) string {
		n := fmt.Sprintf(format, a...)
		names = append(names, n)
		return n
	}
	some := func() string { return names[random.IntN(len(names))] }
	comment := func() string {
		if chance(2) {
			return ""
		}
		return fmt.Sprintf("Goes with %s and (%s).", some(), strings.ToUpper(some()))
	}
	var open []string
	for s := range 4 {
		schema := name("s%d", s)
		c.Schemas = append(c.Schemas, schema)
		if s == 0 || !chance(3) {
			open = append(open, schema)
		}
		blockedSchema := s > 0 && chance(4)
		if blockedSchema {
			security.Blocked.Schemas = append(security.Blocked.Schemas, schema)
		}
		hidden[schema] = blockedSchema || !slices.Contains(open, schema)
		e := &catalog.Enum{OID: next(), Schema: schema, Name: name("%s_e", schema), Labels: []string{"a'b", "c"}}
		d := &catalog.Type{OID: next(), Schema: schema, Name: name("%s_d", schema), Kind: "domain", Base: 25}
		c.Enums, c.Types = append(c.Enums, e), append(c.Types, d)
		hidden[e.Name], hidden[d.Name] = hidden[schema], hidden[schema]
		for i := range 5 {
			r := &catalog.Relation{OID: next(), RowType: next(), Schema: schema, Name: name("%s_t%d", schema, i), Kind: catalog.Table, EstimatedRows: random.Int64N(1e6)}
			if chance(6) {
				security.Blocked.Tables = append(security.Blocked.Tables, r.String())
				hidden[r.Name] = true
			}
			hidden[r.Name] = hidden[r.Name] || hidden[schema]
			for j := range 4 {
				col := catalog.Column{Name: name("%s_c%d", r.Name, j), Number: int16(j + 1), Type: "integer", TypeOID: 23, Nullable: chance(2), Default: "nextval('secret_seq')"}
				switch random.IntN(8) {
				case 0:
					of := c.Enums[random.IntN(len(c.Enums))]
					col.Type, col.TypeOID = of.Schema+"."+of.Name, of.OID
				case 1:
					of := c.Types[random.IntN(len(c.Types))]
					col.Type, col.TypeOID, col.Element = of.Schema+"."+of.Name+"[]", next(), of.OID
				case 2:
					if len(c.Relations) > 0 {
						of := c.Relations[random.IntN(len(c.Relations))]
						col.Type, col.TypeOID, col.Element = of.String()+"[]", next(), of.RowType
					}
				}
				col.Comment = comment()
				r.Columns = append(r.Columns, col)
				if chance(6) {
					security.Blocked.Columns = append(security.Blocked.Columns, r.Name+"."+col.Name)
					hidden[col.Name] = true
				}
				hidden[col.Name] = hidden[col.Name] || hidden[r.Name]
			}
			r.Comment = comment()
			r.PrimaryKey = []string{r.Columns[0].Name}
			if chance(3) {
				r.PrimaryKey = append(r.PrimaryKey, r.Columns[1].Name)
				r.Unique = [][]string{{r.Columns[2].Name, r.Columns[3].Name}}
			}
			r.Indexes = []catalog.Index{
				{Name: "one", Definition: fmt.Sprintf("CREATE INDEX one ON %s USING btree (%s)", r, r.Columns[random.IntN(4)].Name)},
				{Name: "two", Definition: fmt.Sprintf("CREATE INDEX two ON %s USING btree (lower(%s)) WHERE %s(%[2]s)", r, r.Columns[random.IntN(4)].Name, some())},
			}
			if len(c.Relations) > 0 {
				to := c.Relations[random.IntN(len(c.Relations))]
				k := catalog.ForeignKey{RefSchema: to.Schema, RefTable: to.Name}
				for j := range 1 + random.IntN(2) {
					k.Columns, k.RefColumns = append(k.Columns, r.Columns[j].Name), append(k.RefColumns, to.Columns[j].Name)
				}
				r.ForeignKeys = []catalog.ForeignKey{k}
				switch {
				case i == 3:
					r.Parents, r.Partition = []uint32{to.OID}, "FOR VALUES IN ('"+some()+"')"
				case i == 4:
					r.Kind, r.Definition = catalog.View, "select * from "+to.String()
					r.Reads = []catalog.Dependency{{Relation: to.OID, Column: 1}, {Relation: to.OID, Column: 2}}
				}
			}
			c.Relations = append(c.Relations, r)
		}
		to := c.Relations[random.IntN(len(c.Relations))]
		f := &catalog.Function{OID: next(), Schema: schema, Name: name("%s_f", schema), Kind: "function", Arguments: "x " + to.String(), ArgumentTypes: []uint32{to.RowType},
			Result: "integer", ResultTypeOID: 23, Volatility: "stable", Comment: comment()}
		c.Functions = append(c.Functions, f)
		security.AllowFunctions = append(security.AllowFunctions, schema+"."+f.Name)
		if chance(4) {
			security.Blocked.Functions = append(security.Blocked.Functions, schema+"."+f.Name)
			hidden[f.Name] = true
		}
		hidden[f.Name] = hidden[f.Name] || blockedSchema
	}
	cfg = &config.Config{Databases: map[string]config.Database{"made": {Schemas: open}}, Security: security}
	return c, cfg, hidden
}

var aName = regexp.MustCompile(`[\pL\pN_$]+`)

// What a policy hides is in nothing that is shown, under any policy and in any
// part of the catalog: not as a key's target, a type, a comment, an index or a
// function's argument.
func TestShownHides(t *testing.T) {
	shownOnce, hiddenOnce := 0, 0
	for seed := range uint64(300) {
		c, cfg, hidden := made(rand.New(rand.NewPCG(seed, 1)))
		p := policy.Compile(cfg, "made").Close(c)
		var single []*catalog.Relation
		for _, r := range c.Relations {
			single = append(single, p.Show(r))
		}
		for _, shown := range []any{p.Shown(), single} {
			text, err := json.Marshal(shown)
			if err != nil {
				t.Fatal(err)
			}
			words := map[string]bool{}
			for _, w := range aName.FindAllString(string(text), -1) {
				words[strings.ToLower(w)] = true
			}
			for name, not := range hidden {
				switch {
				case not && words[name]:
					t.Fatalf("seed %d: %s is hidden, but in\n%s\n%+v", seed, name, text, cfg)
				case not:
					hiddenOnce++
				case words[name]:
					shownOnce++
				}
			}
			if words["secret_seq"] || words["select"] || words["values"] {
				t.Fatalf("a default, a definition or a partition's bound is shown:\n%s", text)
			}
		}
	}
	if shownOnce < 10_000 || hiddenOnce < 10_000 {
		t.Errorf("%d names shown and %d hidden: the test proves little", shownOnce, hiddenOnce)
	}
}

// The order in which a catalog lists things does not matter.
func TestShownOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	show := func(c *catalog.Catalog, cfg *config.Config) string {
		text, err := json.Marshal(policy.Compile(cfg, "made").Close(c).Shown())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for seed := range uint64(50) {
		c, cfg, _ := made(rand.New(rand.NewPCG(seed, 0)))
		want := show(c, cfg)
		other, _, _ := made(rand.New(rand.NewPCG(seed, 0)))
		random.Shuffle(len(other.Relations), func(i, j int) {
			other.Relations[i], other.Relations[j] = other.Relations[j], other.Relations[i]
		})
		random.Shuffle(len(other.Enums), func(i, j int) { other.Enums[i], other.Enums[j] = other.Enums[j], other.Enums[i] })
		if diff := cmp.Diff(want, show(other, cfg)); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

// A partition is shown where nothing that it is a part of is.
func TestShownPartitions(t *testing.T) {
	c := &catalog.Catalog{Schemas: []string{"public"}}
	for i, name := range []string{"visits", "visits_2024", "visits_2024_01"} {
		r := &catalog.Relation{OID: uint32(20_000 + i), Schema: "public", Name: name, Kind: catalog.PartitionedTable}
		if i > 0 {
			r.Parents, r.Partition = []uint32{r.OID - 1}, "FOR VALUES IN (1)"
		}
		c.Relations = append(c.Relations, r)
	}
	shown := func(c *catalog.Catalog, b config.Blocked) (names []string) {
		for _, r := range rules(config.Security{Blocked: b}, "public").Close(c).Shown().Relations {
			names = append(names, r.Name)
		}
		return names
	}
	if diff := cmp.Diff([]string{"visits"}, shown(c, config.Blocked{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	c.Relations[0].Schema = "elsewhere"
	if diff := cmp.Diff([]string{"visits_2024"}, shown(c, config.Blocked{})); diff != "" {
		t.Errorf("with a closed parent: -want +got:\n%s", diff)
	}
}

// What is hidden cannot be found either, not by a word that looks like it.
func TestShownSearch(t *testing.T) {
	c := load(t, pgtest.Open(t, `
		create table berths (id int primary key, depth int);
		create table calls (id int primary key, berth_id int references berths, arrived timestamptz);
		create table sailors (id int primary key, call_id int references calls, salary numeric);
		comment on column sailors.salary is 'monthly wage';
		comment on table sailors is 'People, each with a passphrase';
		create table sailor_secrets (id int primary key, passphrase text);`))
	s := rules(config.Security{Blocked: config.Blocked{Tables: []string{"*.sailor_secrets"}, Columns: []string{"*.salary", "*.berth_id"}}}, "public").Close(c).Shown()
	search := func(words string) (found []string) {
		for _, m := range s.Search(words, 100) {
			found = append(found, m.Relation.Name+" "+m.Why)
		}
		return found
	}
	for _, words := range []string{"passphrase", "passphras", "salary", "salery", "monthly", "secrets"} {
		if got := search(words); got != nil {
			t.Errorf("Search(%q) = %q, want nothing", words, got)
		}
	}
	if diff := cmp.Diff([]string{"berths column"}, search("depth")); diff != "" {
		t.Errorf("a neighbour by a hidden column was found (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"calls column", "sailors foreign key of public.calls"}, search("arrived")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A name is hidden however it is written: in quotes, with spaces in it, with
// letters between that nobody sees.
func TestShownMentions(t *testing.T) {
	c := &catalog.Catalog{Schemas: []string{"public"}, Relations: []*catalog.Relation{
		{OID: 20_001, Schema: "public", Name: "a", Kind: catalog.Table},
		{OID: 20_002, Schema: "public", Name: `Home "Town`, Kind: catalog.Table},
		{OID: 20_003, Schema: "public", Name: "pin", Kind: catalog.Table},
		{OID: 20_004, Schema: "public", Name: "line\nbreak", Kind: catalog.Table},
	}}
	for text, hides := range map[string]bool{
		"pins are not secret":     false,
		"the PIN, four digits":    true,
		"the p\u200bin":           true,
		`see "home ""town"`:       true,
		"in the Home\n \"Town of": true,
		"at home":                 false,
	} {
		c.Relations[0].Comment = text
		shown := rules(config.Security{Blocked: config.Blocked{Tables: []string{"*.pin", "public.Home*"}}}, "public").Close(c).Shown().Relations
		if len(shown) != 1 || (shown[0].Comment == "") != hides {
			t.Errorf("%q: %+v", text, shown[0])
		}
	}
}

// An index on a hidden column is not shown, even where another table shows a
// column of that name.
func TestShownIndexes(t *testing.T) {
	c := load(t, pgtest.Open(t, `
		create table people (name text, phone text);
		create index on people (name);
		create index on people (length(phone));
		create table shops (phone text unique);`))
	got := map[string]int{}
	for _, r := range rules(config.Security{Blocked: config.Blocked{Columns: []string{"people.phone"}}}, "public").Close(c).Shown().Relations {
		got[r.Name] = len(r.Indexes)
	}
	if diff := cmp.Diff(map[string]int{"people": 1, "shops": 1}, got); diff != "" {
		t.Errorf("indexes: -want +got:\n%s", diff)
	}
}

func BenchmarkShown(b *testing.B) {
	c, r := large(), typical()
	for b.Loop() {
		r.Close(c).Shown()
		r.Close(&catalog.Catalog{}) // so that the next one is not kept
	}
}

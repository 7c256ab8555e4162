package answer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// a maze is a database in which every name and every value says where it is from,
// and much refers to other things.
func maze() (script string, columns [][3]string) {
	var b strings.Builder
	for s := range 3 {
		schema := fmt.Sprintf("schema%dx", s)
		fmt.Fprintf(&b, "create schema %s;\n", schema)
		for n := range 3 {
			table := fmt.Sprintf("table%d%dx", s, n)
			fmt.Fprintf(&b, "create table %s.%s (id int primary key", schema, table)
			var names []string
			for i := range 3 {
				name := fmt.Sprintf("col%d%d%dx", s, n, i)
				columns = append(columns, [3]string{schema, table, name})
				names = append(names, name)
				fmt.Fprintf(&b, ", %s text", name)
			}
			fmt.Fprintf(&b, ", made%d%dx text generated always as (%s || '+') stored);\n", s, n, names[0])
			fmt.Fprintf(&b, "create index on %s.%s (lower(%s)); create index on %[1]s.%[2]s (%[4]s);\n", schema, table, names[1], names[2])
			fmt.Fprintf(&b, "insert into %s.%s select i", schema, table)
			for _, name := range names {
				fmt.Fprintf(&b, ", '%s value ' || i %% 3", name)
			}
			b.WriteString(" from generate_series(1, 60) i;\n")
			fmt.Fprintf(&b, "comment on table %s.%s is 'Goes with table%d%dx and its col%[3]d%[4]d0x';\n", schema, table, (s+1)%3, n)
			fmt.Fprintf(&b, "comment on column %s.%s.%s is 'As %s of schema%dx';\n", schema, table, names[2], names[1], (s+2)%3)
			fmt.Fprintf(&b, "create view %s.view%d%dx as select id, %s as shown%[2]d%[3]dx from %[1]s.%[5]s;\n", schema, s, n, names[0], table)
			fmt.Fprintf(&b, "create materialized view %s.mat%d%dx as select * from %[1]s.%[4]s;\n", schema, s, n, table)
		}
	}
	return b.String() + "analyze;\n", columns
}

var likeness = regexp.MustCompile(`, which is like "[^"]*"`)

// Whatever is blocked, no name and no value of it reaches any prompt.
func TestBlockedReachesNoPrompt(t *testing.T) {
	script, columns := maze()
	url := pgtest.Open(t, script)
	c := load(t, url)
	random := rand.New(rand.NewPCG(5, 6))
	shown, valued := 0, 0
	for round := range 24 {
		cfg := &config.Config{Databases: map[string]config.Database{"maze": {Schemas: []string{"schema0x", "schema1x", "schema2x"}}}}
		cfg.Security.Limits = libraryConfig().Security.Limits
		gone := map[string]bool{} // what a prompt must not hold
		block := &cfg.Security.Blocked
		for _, col := range columns {
			schema, table, name := col[0], col[1], col[2]
			if strings.HasSuffix(name, "00x") && random.IntN(6) == 0 {
				block.Schemas = append(block.Schemas, schema)
				gone[schema] = true
			}
			if strings.HasSuffix(name, "0x") && random.IntN(5) == 0 {
				block.Tables = append(block.Tables, schema+"."+table)
				gone[table] = true
			}
			if random.IntN(4) == 0 {
				block.Columns = append(block.Columns, table+"."+name)
				gone[name] = true
			}
			if gone[schema] || gone[table] {
				gone[name] = true
				gone[table] = true
			}
		}
		p := policy.Compile(cfg, "maze").Close(c)
		v := view{p, statistics(t, url, p), "", valuesStats, roomy}
		if round%3 == 1 {
			v.budget = 2000
		}
		question := `Which have "Col000x Value 1", "col120x value 2" or Col 221x Value 0?`
		grounds, _ := v.grounds(spansOf(question))
		in := asked{"What is there?", v.render(question), grounds, ""}
		var tables []string
		for _, r := range c.Relations {
			tables = append(tables, r.String())
		}
		prompts := []string{
			draftRequest("m", in).Messages[1].Content,
			verdictRequest("m", examined{question: "What?", grounds: grounds, sql: "select 1", part: v.renderPart(tables)}).Messages[1].Content,
		}
		for name := range gone { // even of a model that asks for just that
			sql := "select " + name + " from " + name
			if _, err := guard.Check(sql, p); err != nil {
				refusal, ok := errors.AsType[*guard.Refusal](err)
				if !ok {
					t.Fatal(err)
				}
				f, _ := faultOf(refusal)
				said := repairRequest("m", in, sql, f).Messages[1].Content
				prompts = append(prompts, strings.ReplaceAll(said, sql, ""))
				if strings.Contains(refusal.Message, name) || strings.Contains(refusal.Hint, name) {
					prompts[len(prompts)-1] = "" // its own word, said back
				}
			}
		}
		for _, prompt := range prompts {
			prompt = likeness.ReplaceAllString(prompt, "") // the question's own words
			for name := range gone {
				if strings.Contains(prompt, name) {
					at := strings.Index(prompt, name)
					t.Fatalf("blocked %v: %s is in a prompt: …%s…", block, name, prompt[max(0, at-80):min(len(prompt), at+80)])
				}
			}
		}
		shown += strings.Count(prompts[0], "col")
		valued += strings.Count(prompts[0], "  values:") + len(grounds)
	}
	if shown < 80 || valued < 20 {
		t.Errorf("%d columns and %d values were shown at all", shown, valued)
	}
}

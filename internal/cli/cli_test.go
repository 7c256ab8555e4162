package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// A ran is what one run of the command line did.
type ran struct {
	code           int
	stdout, stderr string
}

func run(t *testing.T, args ...string) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := Main(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
	return ran{code, stdout.String(), stderr.String()}
}

func TestMisuse(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string // of standard error
	}{
		{"srve", 2, "pgmcp: unknown command \"srve\"\ndid you mean \"serve\"?\n"},
		{"frobnicate", 2, "pgmcp: unknown command \"frobnicate\"\n"},
		{"--nope", 2, "pgmcp: unknown flag: --nope\nrun \"pgmcp --help\"\n"},
		{"sql", 2, "pgmcp: accepts 1 arg(s), received 0\nusage: pgmcp sql STATEMENT [flags]\n"},
		{"sql a b", 2, "pgmcp: accepts 1 arg(s), received 2\nusage: pgmcp sql STATEMENT [flags]\n"},
		{"sql a --format xml", 2, "pgmcp: unknown format \"xml\": table, json or csv\n"},
		{"serve a b", 2, "pgmcp: accepts at most 1 arg(s), received 2\nusage: pgmcp serve [CONFIG] [flags]\n"},
		{"version now", 2, "pgmcp: unknown command \"now\" for \"pgmcp version\"\nusage: pgmcp version [flags]\n"},
		{"", 0, ""},
		{"help", 0, ""},
		{"version", 0, ""},
	} {
		got := run(t, strings.Fields(c.args)...)
		if got.code != c.code || got.stderr != c.want {
			t.Errorf("pgmcp %s: exit %d, standard error %q", c.args, got.code, got.stderr)
		}
	}
}

func TestVersion(t *testing.T) {
	got := run(t, "version")
	for _, want := range []string{"pgmcp ", "commit ", "go 1.", "grammar PostgreSQL 16\n", "protocol MCP 2026-07-28, "} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("it does not say %q:\n%s", want, got.stdout)
		}
	}
}

const shop = `
create table customers (id bigint primary key, name text, password_hash text);
insert into customers values (1, 'Ann', 'x'), (9007199254740993, null, 'y');
analyze;
`

// configure writes a configuration that serves shop, and more of it.
func configure(t *testing.T, more string) (path string) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "url", pgtest.Open(t, shop))
	return write(t, dir, "config.cue", `
		databases: shop: {url: file: "url", description: "A web shop"}
		security: blocked: columns: ["*.password_hash"]
		`+more)
}

func write(t *testing.T, dir, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSQL(t *testing.T) {
	path := configure(t, "security: limits: max_rows: 2")
	const three = "select 1 as n union all select 2 union all select 3"
	for _, c := range []struct {
		sql, format string
		want        ran
	}{
		{"select id, name from customers order by id", "", ran{0,
			`{"columns":[{"name":"id","type":"int8"},{"name":"name","type":"text"}],"rows":[[1,"Ann"],["9007199254740993",null]],"row_count":2}` + "\n", ""}},
		{"select id, name from customers order by id", "table", ran{0,
			"               id | name\n------------------+------\n                1 | Ann\n 9007199254740993 | NULL\n(2 rows)\n", ""}},
		{"select id, name from customers order by id", "csv", ran{0, "id,name\n1,Ann\n9007199254740993,\n", ""}},
		{three, "csv", ran{0, "n\n1\n2\n", "pgmcp: 2 rows, cut off at the row limit\n"}},
		{three, "table", ran{0, " n\n---\n 1\n 2\n(2 rows, cut off at the row limit)\n", ""}},
	} {
		got := run(t, "sql", c.sql, "--config", path, "--format", c.format)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(ran{})); diff != "" {
			t.Errorf("%s as %s: %s", c.sql, c.format, diff)
		}
	}
}

func TestSQLRefused(t *testing.T) {
	path := configure(t, "")
	got := run(t, "sql", "select name, password_hash from customers", "--config", path)
	if got.code != 1 || got.stdout != "" || !strings.HasPrefix(got.stderr, "pgmcp: refused: blocked_column: ") ||
		!strings.Contains(got.stderr, "(at character 14)") || !strings.Contains(got.stderr, "\nhint: ") {
		t.Errorf("%+v", got)
	}
	got = run(t, "sql", "select 1", "--config", path, "--db", "shpo")
	if got.code != 1 || !strings.Contains(got.stderr, "pgmcp: refused: unknown_database: ") || !strings.Contains(got.stderr, `did you mean "shop"?`) {
		t.Errorf("%+v", got)
	}
}

func TestInvalidConfig(t *testing.T) {
	path := write(t, t.TempDir(), "config.cue", `databases: shop: {url: env: "X", descripton: "typo"}`)
	for _, command := range []string{"serve " + path, "sql x --config " + path, "ask x --config " + path} {
		got := run(t, strings.Fields(command)...)
		if got.code != 1 || !strings.Contains(got.stderr, `did you mean "description"?`) {
			t.Errorf("%s: %+v", command, got)
		}
	}
}

// modelServer is an OpenAI-compatible model that counts customers.
func modelServer(t *testing.T, verdict string) *httptest.Server {
	replies := map[string]string{
		"generate": `{"status": "sql", "assumptions": ["all customers count"], "sql": "select count(*) as customers from customers", "message": ""}`,
		"judge": `{"reads_as": "how many customers there are", "intent_matches": "` + verdict + `", "columns_answer_question": "yes",
			"filters_complete": "yes", "filters_correct": "yes", "joins_correct": "yes", "aggregation_grain": "yes",
			"time_window": "yes", "ambiguity": "none", "other_reading": "", "verdict": "` + verdict + `"}`,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			ResponseFormat struct {
				JSONSchema struct{ Name string } `json:"json_schema"`
			} `json:"response_format"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{
			"finish_reason": "stop",
			"message":       map[string]any{"role": "assistant", "content": replies[q.ResponseFormat.JSONSchema.Name]},
		}}})
	}))
	t.Cleanup(s.Close)
	return s
}

func TestAsk(t *testing.T) {
	path := configure(t, fmt.Sprintf(`llm: {model: "m", base_url: "%s/v1"}`, modelServer(t, "yes").URL))
	got := run(t, "ask", "How many customers are there?", "--config", path, "--format", "table")
	want := ran{0, `status:     answered
confidence: 0.85 (uncalibrated)
reason:     the score is not calibrated, so it is at most 0.85
assumption: all customers count
it reads:   how many customers there are
sql:
  select count(*) as customers from customers

 customers
-----------
         2
(1 row)
`, ""}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(ran{})); diff != "" {
		t.Error(diff)
	}
	got = run(t, "ask", "How many customers are there?", "--config", path, "--format", "csv")
	if got.code != 0 || got.stdout != "customers\n2\n" || !strings.Contains(got.stderr, "confidence: 0.85") {
		t.Errorf("%+v", got)
	}
	got = run(t, "ask", "How many customers are there?", "--config", path)
	if got.code != 0 || !strings.HasPrefix(got.stdout, `{"status":"answered","database":"shop",`) || got.stderr != "" {
		t.Errorf("%+v", got)
	}
}

func TestAskWithheld(t *testing.T) {
	path := configure(t, fmt.Sprintf(`llm: {model: "m", base_url: "%s/v1"}`, modelServer(t, "no").URL))
	for _, format := range []string{"table", "json", "csv"} {
		got := run(t, "ask", "How many orders are there?", "--config", path, "--format", format)
		said := strings.ReplaceAll(got.stdout+got.stderr, "low_confidence", "low confidence")
		if got.code != 1 || !strings.Contains(said, "low confidence") || strings.Contains(said, "(1 row") || strings.Contains(said, `"rows"`) {
			t.Errorf("%s: %+v", format, got)
		}
	}
}

// What is recorded can be replayed, and then no model is asked.
func TestAskRecord(t *testing.T) {
	model := modelServer(t, "yes")
	path := configure(t, fmt.Sprintf(`llm: {model: "m", base_url: "%s/v1"}`, model.URL))
	golden := filepath.Join(filepath.Dir(path), "golden")
	const question = "How many customers are there?"
	asked := run(t, "ask", question, "--config", path, "--record", golden)
	model.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Dir(path), "config.cue", string(text)+`
		llm: replay: "golden"`)
	replayed := run(t, "ask", question, "--config", path)
	if asked.code != 0 || asked.stdout != replayed.stdout {
		t.Errorf("asked %+v\nreplayed %+v", asked, replayed)
	}
	if got := run(t, "ask", "How many orders are there?", "--config", path); got.code != 1 || !strings.Contains(got.stderr, "no_golden_answer") {
		t.Errorf("without a golden answer: %+v", got)
	}
	if got := run(t, "ask", question, "--config", path, "--record", golden); got.code != 1 || !strings.Contains(got.stderr, "recorded") {
		t.Errorf("recording what is replayed: %+v", got)
	}
}

func TestCompletion(t *testing.T) {
	path := write(t, t.TempDir(), "config.cue", `databases: {shop: {url: env: "X", description: "A web shop"}, desk: url: env: "Y"}`)
	for args, want := range map[string]string{
		"sql --config " + path + " --db": "desk\nshop\tA web shop\n:4\n",
		"ask --format":                   "table\njson\ncsv\n:4\n",
	} {
		got := run(t, append([]string{"__complete"}, append(strings.Fields(args), "")...)...)
		if got.code != 0 || got.stdout != want {
			t.Errorf("%s: %+v", args, got)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := run(t, "completion", shell); got.code != 0 || !strings.Contains(got.stdout, "pgmcp") {
			t.Errorf("%s: %+v", shell, got)
		}
	}
}

func TestServe(t *testing.T) {
	path := configure(t, `server: {transport: "http", listen: "127.0.0.1:0"}`)
	addr := filepath.Join(t.TempDir(), "addr")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served := make(chan ran, 1)
	go func() {
		var stdout, stderr bytes.Buffer
		code := Main(ctx, []string{"serve", path, "--addr-file", addr}, strings.NewReader(""), &stdout, &stderr)
		served <- ran{code, stdout.String(), stderr.String()}
	}()
	var url []byte
	for end := time.Now().Add(15 * time.Second); len(url) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no address: %+v", <-served)
		}
		url, _ = os.ReadFile(addr)
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(ctx,
		&mcp.StreamableClientTransport{Endpoint: strings.TrimSpace(string(url))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "execute_sql", Arguments: map[string]any{"sql": "select 40 + 2"}})
	if err != nil || res.IsError {
		t.Errorf("%+v, %v", res, err)
	}
	session.Close()
	stop()
	got := <-served
	if got.code != 0 || got.stdout != "" {
		t.Errorf("%+v", got)
	}
	for _, want := range []string{`"msg":"listening"`, `"kind":"tool","name":"execute_sql","outcome":"ok"`, `"request_id":"`} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("the log lacks %s:\n%s", want, got.stderr)
		}
	}
	if strings.Contains(got.stderr, "40 + 2") {
		t.Errorf("the log holds a statement:\n%s", got.stderr)
	}
}

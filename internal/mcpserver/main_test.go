package mcpserver

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/observe"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/postgres"
	"github.com/pgmcp/pgmcp/internal/query"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// revisions are a protocol of each era: without and with a handshake.
var revisions = []string{"2026-07-28", "2025-11-25"}

const shop = `
create schema vault;
create type vault.grade as enum ('junior', 'senior');
create function vault.mask(text) returns text immutable language sql as 'select left($1, 1)';
create type mood as enum ('glad', 'sour');
create table customers (
	id bigint primary key,
	name text not null,
	mood mood,
	"Home Town" text,
	password_hash text unique,
	grade vault.grade
);
comment on table customers is 'People who bought something';
comment on column customers.name is 'Goes into password_hash';
create index on customers (lower(name));
create index customers_secret on customers (lower(password_hash));
create index customers_masked on customers (vault.mask(name));
create table salaries (id bigint primary key, amount numeric);
create table orders (
	id bigint primary key,
	customer_id bigint not null references customers,
	salary_id bigint references salaries,
	total numeric(20,4)
);
comment on column orders.total is 'in euros';
insert into customers values (1, 'Ann', 'glad', 'Bern', 'x', 'junior'), (9007199254740993, 'Åsa', null, '', 'y', 'senior');
insert into orders select i, 1, null, 12345678901234.0001 from generate_series(1, 2000) i;
create function public.total_of(bigint) returns numeric stable language sql as 'select 1.0';
analyze;
create table visits (day date) partition by range (day);
create table visits_2024 partition of visits for values from ('2024-01-01') to ('2025-01-01');
`

// A bench is a server of databases for one test.
type bench struct {
	*Server
	tools  *Tools
	url    string // of shop
	log    *logBuffer
	config *config.Config
}

// newBench serves a shop and, if several, a database named desk that is down.
func newBench(t *testing.T, several bool, model llm.Provider) *bench {
	t.Helper()
	b := &bench{url: pgtest.Open(t, shop), log: &logBuffer{}}
	b.config = &config.Config{
		Databases: map[string]config.Database{"shop": database(t, b.url, "A web shop")},
		Security: config.Security{
			Blocked:             config.Blocked{Schemas: []string{"vault"}, Columns: []string{"*.password_hash"}, Tables: []string{"public.salaries"}},
			AllowFunctions:      []string{"public.total_of"},
			AllowExplain:        true,
			AllowPrivilegedRole: true, // the tests' servers lend a superuser
			MaxQuestionLength:   100,
			Limits:              config.Limits{MaxStatementSize: 16 << 10, MaxTokens: 4000, MaxRows: 1000, MaxBytes: 1 << 20, StatementTimeout: config.Duration(time.Minute)},
		},
		Answers:       config.Answers{ConfidenceThreshold: 0.6, OnLowConfidence: "withhold", TokenBudget: 24_000, Values: "stats", Date: "none", MaxModelCalls: 2, MaxTokens: 100_000, Timeout: config.Duration(time.Minute)},
		LLM:           &config.LLM{Model: "scripted"},
		Observability: config.Observability{Log: config.Log{Level: "info", Format: "text"}},
	}
	if several {
		b.config.Databases["desk"] = database(t, "postgres://nobody@127.0.0.1:1/none", "A support desk")
	}
	log := observe.NewLog(b.log, b.config.Observability.Log).Logger
	meter, err := observe.NewMeter(observe.Resource("v1.2.3"))
	if err != nil {
		t.Fatal(err)
	}
	chain := call.New(observe.Trace(log, Classify), observe.Measure(meter, Classify), call.Recover(log))
	databases, err := postgres.Open(t.Context(), b.config, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(databases.Close)
	runner := query.NewRunner(databases, chain)
	b.tools = &Tools{
		Databases: databases,
		Runner:    runner,
		Pipeline:  answer.NewPipeline(b.config, databases, runner, model),
		Meter:     meter,
		Version:   "v1.2.3",
		Started:   time.Now(),
	}
	b.Server = New(b.tools, chain, log)
	return b
}

func database(t *testing.T, url, description string) config.Database {
	t.Helper()
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte(url), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Database{
		URL:            config.Secret{File: file},
		Description:    description,
		Pool:           config.Pool{Max: 4, MaxOrphans: 2},
		ConnectTimeout: config.Duration(5 * time.Second),
		CatalogRefresh: config.Duration(time.Hour),
		Schemas:        []string{"public"},
	}
}

// A script is a model that says one thing in each stage.
type script map[string]string

func (s script) Complete(_ context.Context, r llm.Request) (llm.Response, error) {
	reply, ok := s[r.Stage]
	if !ok {
		panic("the script has no reply for stage " + r.Stage)
	}
	return llm.Response{Content: reply}, nil
}

// A client is an MCP client that keeps what its server wrote.
type client struct {
	*mcp.ClientSession
	wire    *logBuffer
	schemas map[string]*jsonschema.Resolved // of outputs, by tool
}

// newClient is a client of b over HTTP, or in memory.
func newClient(t *testing.T, b *bench, revision string, o *mcp.ClientOptions) *client {
	t.Helper()
	return clientAt(t, serve(t, b.Server), revision, o)
}

func clientAt(t *testing.T, url, revision string, o *mcp.ClientOptions) *client {
	t.Helper()
	c := &client{wire: &logBuffer{}, schemas: map[string]*jsonschema.Resolved{}}
	base := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(base.CloseIdleConnections)
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, o).Connect(t.Context(),
		&mcp.StreamableClientTransport{Endpoint: url + "/mcp", HTTPClient: &http.Client{Transport: tap{base, c.wire}}, MaxRetries: -1},
		&mcp.ClientSessionOptions{ProtocolVersion: revision})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	if got := session.InitializeResult().ProtocolVersion; got != revision {
		t.Fatalf("the protocol is %s and not %s", got, revision)
	}
	c.ClientSession = session
	for tool, err := range session.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		var s jsonschema.Schema
		text, err := json.Marshal(tool.OutputSchema)
		if err == nil {
			err = json.Unmarshal(text, &s)
		}
		if err == nil {
			c.schemas[tool.Name], err = s.Resolve(nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// A said is what a tool said.
type said struct {
	isError    bool
	structured string // byte for byte
	text       string
	meta       mcp.Meta
}

// tool calls a tool and holds what it says against its schema.
func (c *client) tool(t *testing.T, name, args string, meta mcp.Meta) said {
	t.Helper()
	c.wire.reset()
	res, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: json.RawMessage(args), Meta: meta})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	s := said{isError: res.IsError, structured: c.wire.structured(), meta: res.Meta}
	for _, part := range res.Content {
		s.text += part.(*mcp.TextContent).Text
	}
	var v any
	if err := json.Unmarshal([]byte(s.structured), &v); err != nil {
		t.Fatalf("%s: structured content %q: %v", name, s.structured, err)
	}
	if err := c.schemas[name].Validate(v); err != nil {
		t.Errorf("%s %s: the structured content is not as the schema says: %v\n%s", name, args, err, s.structured)
	}
	if s.text == "" {
		t.Errorf("%s %s: no text", name, args)
	}
	return s
}

// logBuffer is a buffer for several writers.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

// structured is the structured content in the server-sent events that passed:
// the SDK's client rounds its numbers, so it is taken from the wire.
func (l *logBuffer) structured() string {
	for line := range bytes.Lines([]byte(l.String())) {
		var message struct {
			Result struct {
				Structured json.RawMessage `json:"structuredContent"`
			} `json:"result"`
		}
		if json.Unmarshal(bytes.TrimPrefix(line, []byte("data: ")), &message) == nil && message.Result.Structured != nil {
			return string(message.Result.Structured)
		}
	}
	return ""
}

// silent is a logger that nobody reads.
func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

package mcpserver

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/observe"
)

// Models pay for the list of tools in every conversation.
func TestToolList(t *testing.T) {
	const limit = 6000
	s := New(&Tools{}, call.Chain{}, silent())
	here, there := mcp.NewInMemoryTransports()
	if _, err := s.mcp.Connect(t.Context(), there, nil); err != nil {
		t.Fatal(err)
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), here, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	list, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := json.Marshal(list.Tools)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", len(compact))
	if len(compact) >= limit {
		t.Errorf("the list has %d bytes, and less than %d are allowed", len(compact), limit)
	}
	for _, tool := range list.Tools {
		a := tool.Annotations
		if tool.InputSchema == nil || tool.OutputSchema == nil ||
			a == nil || !a.ReadOnlyHint || !a.IdempotentHint || a.DestructiveHint == nil || *a.DestructiveHint || a.OpenWorldHint == nil {
			t.Errorf("tool %s lacks something", tool.Name)
		}
	}
}

func rawArgs(s string) json.RawMessage { return json.RawMessage(s) }

// trusted is a model that writes this SQL and finds nothing wrong with it.
func trusted(sql string) script {
	quoted, _ := json.Marshal(sql)
	return script{
		"generate": `{"status": "sql", "assumptions": ["all customers count"], "filters": [], "sql": ` + string(quoted) + `, "message": ""}`,
		"judge":    judged("yes"),
	}
}

func judged(verdict string) string {
	return `{"reads_as": "how many customers there are", "intent_matches": "` + verdict + `", "columns_answer_question": "yes",
		"filters_complete": "yes", "filters_correct": "yes", "joins_correct": "yes", "aggregation_grain": "yes",
		"time_window": "yes", "ambiguity": "none", "other_reading": "", "verdict": "` + verdict + `"}`
}

// Every tool, in both eras, over HTTP and through real PostgreSQL. Each answer is
// held against the schema of its tool.
func TestTools(t *testing.T) {
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			b := newBench(t, true, trusted("select count(*) from customers"))
			c := newClient(t, b, revision, nil)
			for _, q := range []struct {
				tool, args string
				isError    bool
				structured string // a part of it
				text       string // a part of it
			}{
				{ListDatabases, `{}`, false,
					`{"databases":[{"name":"desk","description":"A support desk"},{"name":"shop","description":"A web shop"}]}`, "shop: A web shop"},
				{SearchObjects, `{"database":"shop","detail":"names"}`, false,
					`{"database":"shop","names":["public.customers","public.orders","public.visits"]}`, "3 tables in shop\npublic.customers\npublic.orders\npublic.visits"},
				{SearchObjects, `{"database":"shop","query":"visits 2024","detail":"names"}`, false, `{"database":"shop","names":["public.visits"]}`, "1 table in shop"},
				{SearchObjects, `{"database":"shop","query":"euros"}`, false, `"name":"public.orders"`, "public.orders (table, about 2000 rows)"},
				{SearchObjects, `{"database":"shop","query":"password hash","detail":"names"}`, false, `{"database":"shop"}`, "0 tables"},
				{SearchObjects, `{"database":"desk"}`, true, `"code":"database_unavailable"`, "error: database_unavailable"},
				{SearchObjects, `{"database":"shop","detail":"nmaes"}`, true,
					`{"code":"invalid_arguments","message":"argument \"detail\" cannot be \"nmaes\"","hint":"did you mean \"names\"?`, "refused: invalid_arguments: argument \"detail\""},
				{ExecuteSQL, `{"database":"shop","sql":"select id, name from customers order by id"}`, false,
					`{"columns":[{"name":"id","type":"int8"},{"name":"name","type":"text"}],"rows":[[1,"Ann"],["9007199254740993","Åsa"]],"row_count":2}`,
					"2 rows of data (id int8, name text)\n[1,\"Ann\"]\n[\"9007199254740993\",\"Åsa\"]"},
				{ExecuteSQL, `{"database":"shop","sql":"select id from orders"}`, false,
					`"truncated":"rows"`, "1000 rows of data (id int8), cut off at the row limit"},
				{ExecuteSQL, `{"database":"shop","sql":"select total from orders where id = 1"}`, false, `[["12345678901234.0001"]]`, "1 row of data"},
				{ExecuteSQL, `{"database":"shop","sql":"select password_hash from customers"}`, true,
					`{"code":"blocked_column",`, "refused: blocked_column: "},
				{ExecuteSQL, `{"database":"shop","sql":"delete from customers"}`, true, `"code":"not_read_only"`, "refused: not_read_only"},
				{ExecuteSQL, `{"database":"shop","sql":"select 1 / (id - 1) from orders"}`, true, `"code":"data_error"`, "error: data_error"},
				{ExecuteSQL, `{"sql":"select 1"}`, true, `"code":"database_required"`, "several databases are served\nhint: say which one: desk, shop"},
				{ExecuteSQL, `{"database":"shpo","sql":"select 1"}`, true, `"code":"unknown_database"`, `did you mean "shop"? Served are: desk, shop`},
				{ExecuteSQL, `{"database":"desk","sql":"select 1"}`, true, `"code":"database_unavailable"`, "try again later"},
				{ExecuteSQL, `{"query":"select 1"}`, true, `"code":"invalid_arguments"`, "there is no argument \"query\"\nhint: there are: database, sql"},
				{ExplainSQL, `{"database":"shop","sql":"select * from orders"}`, false, `"Node Type":"Seq Scan"`, "Estimated cost"},
				{ExplainSQL, `{"database":"shop","sql":"select * from salaries"}`, true, `"code":"blocked_table"`, "refused: blocked_table"},
				{ExplainSQL, `{"database":"shop","sql":"explain select * from orders"}`, true, `"code":"explain_not_allowed","message":"the statement is an EXPLAIN already"`, "without EXPLAIN"},
				{Ask, `{"database":"shop","question":"How many customers are there?"}`, false,
					`"rows":[[2]]`, "it reads: how many customers there are\nsql: select count(*) from customers\n1 row of data (count int8)\n[2]"},
				{Ask, `{"question":"How many?"}`, true, `"code":"database_required"`, "desk, shop"},
				{Ask, `{"database":"shop","question":"` + strings.Repeat("why ", 30) + `"}`, true, `"code":"question_too_long"`, "refused: question_too_long"},
				{Health, `{}`, false, `"status":"degraded","version":"v1.2.3"`, "desk: down"},
				{Health, `{}`, false, `{"kind":"tool","name":"execute_sql","outcome":"refused","count":5,`, "shop: ok, PostgreSQL "},
			} {
				got := c.tool(t, q.tool, q.args, nil)
				if got.isError != q.isError || !strings.Contains(got.structured, q.structured) || !strings.Contains(got.text, q.text) {
					t.Errorf("%s %s:\n%+v", q.tool, q.args, got)
				}
				if id, _ := got.meta["request_id"].(string); len(id) != 32 {
					t.Errorf("%s: request ID %q", q.tool, id)
				}
			}
		})
	}
}

// A model is told everything about a table that the policy shows, and nothing else.
func TestSearchFull(t *testing.T) {
	b := newBench(t, false, nil)
	got := newClient(t, b, revisions[0], nil).tool(t, SearchObjects, `{"detail":"full"}`, nil)
	want := `{
  "database": "shop",
  "tables": [
    {
      "name": "public.customers",
      "kind": "table",
      "estimated_rows": 2,
      "comment": "People who bought something",
      "columns": [
        {"name": "id", "type": "bigint"},
        {"name": "name", "type": "text"},
        {"name": "mood", "type": "public.mood", "nullable": true, "labels": ["glad", "sour"]},
        {"name": "\"Home Town\"", "type": "text", "nullable": true},
        {"name": "grade", "type": "user-defined", "nullable": true}
      ],
      "primary_key": ["id"],
      "indexes": [
        "CREATE INDEX customers_lower_idx ON public.customers USING btree (lower(name))",
        "CREATE UNIQUE INDEX customers_pkey ON public.customers USING btree (id)"
      ]
    },
    {
      "name": "public.orders",
      "kind": "table",
      "estimated_rows": 2000,
      "columns": [
        {"name": "id", "type": "bigint"},
        {"name": "customer_id", "type": "bigint"},
        {"name": "salary_id", "type": "bigint", "nullable": true},
        {"name": "total", "type": "numeric(20,4)", "nullable": true, "comment": "in euros"}
      ],
      "primary_key": ["id"],
      "foreign_keys": [
        {"columns": ["customer_id"], "references": "public.customers", "ref_columns": ["id"]}
      ],
      "indexes": ["CREATE UNIQUE INDEX orders_pkey ON public.orders USING btree (id)"]
    },
    {
      "name": "public.visits",
      "kind": "partitioned table",
      "columns": [
        {"name": "day", "type": "date", "nullable": true}
      ]
    }
  ],
  "functions": ["public.total_of(bigint) returns numeric"]
}`
	var gotJSON, wantJSON bytes.Buffer
	if err := json.Indent(&gotJSON, []byte(got.structured), "", " "); err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(want)); err != nil {
		t.Fatal(err)
	}
	json.Indent(&wantJSON, compact.Bytes(), "", " ")
	if diff := cmp.Diff(wantJSON.String(), gotJSON.String()); diff != "" {
		t.Error(diff)
	}
	if end := "\npublic.visits (partitioned table)\n  day date\nfunction public.total_of(bigint) returns numeric"; !strings.HasSuffix(got.text, end) {
		t.Errorf("the text does not end in %q:\n%s", end, got.text)
	}
	for _, hidden := range []string{"password", "salaries", "secret", "vault", "junior", "mask", "2024"} {
		if strings.Contains(got.structured+got.text, hidden) {
			t.Errorf("%q can be seen", hidden)
		}
	}
}

// What a client gets is what the tool's method gives, byte for byte.
func TestBytes(t *testing.T) {
	b := newBench(t, false, nil)
	const sql = `select 9007199254740993 as z, 0.1000 as a, '<&>' as z`
	result, err := b.tools.ExecuteSQL(t.Context(), SQLArgs{SQL: sql})
	if err != nil {
		t.Fatal(err)
	}
	want, err := Encode(result)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(want, []byte(`[["9007199254740993","0.1000","<&>"]]`)) {
		t.Errorf("the result is %s", want)
	}
	for _, revision := range revisions {
		got := newClient(t, b, revision, nil).tool(t, ExecuteSQL, `{"sql":"`+sql+`"}`, nil)
		// JSON has two ways to write these letters, and the SDK has its own.
		plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(got.structured)
		if diff := cmp.Diff(string(want), plain); diff != "" {
			t.Errorf("%s: %s", revision, diff)
		}
	}
}

func TestAskWithholds(t *testing.T) {
	model := trusted("select count(*) from customers")
	model["judge"] = judged("no")
	b := newBench(t, false, model)
	got := newClient(t, b, revisions[0], nil).tool(t, Ask, `{"question":"How many orders are there?"}`, nil)
	if got.isError || !strings.Contains(got.structured, `"status":"low_confidence"`) || strings.Contains(got.structured, `"result"`) ||
		!strings.Contains(got.text, "The rows are withheld.") || !strings.Contains(got.text, "reason: ") {
		t.Errorf("%+v", got)
	}
}

// SQL that a model wrote is refused like any other, and shown.
func TestAskRefused(t *testing.T) {
	b := newBench(t, false, trusted("select password_hash from customers"))
	got := newClient(t, b, revisions[0], nil).tool(t, Ask, `{"question":"Which passwords are there?"}`, nil)
	if !got.isError || !strings.HasPrefix(got.structured, `{"code":"blocked_column","message":`) ||
		!strings.Contains(got.structured, `"position":8`) || !strings.Contains(got.structured, `"sql":"select password_hash from customers"`) {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(b.log.String(), "name=ask outcome=refused") {
		t.Errorf("the log:\n%s", b.log)
	}
}

func TestAskProgress(t *testing.T) {
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			var mu sync.Mutex
			var stages []string
			heard := func(_ context.Context, r *mcp.ProgressNotificationClientRequest) {
				mu.Lock()
				defer mu.Unlock()
				stages = append(stages, r.Params.Message)
				if r.Params.ProgressToken != "tick" || int(r.Params.Progress) != len(stages) {
					t.Errorf("note %d is %+v", len(stages), r.Params)
				}
			}
			b := newBench(t, false, trusted("select count(*) from customers"))
			c := newClient(t, b, revision, &mcp.ClientOptions{ProgressNotificationHandler: heard})
			c.tool(t, Ask, `{"question":"How many customers are there?"}`, mcp.Meta{"progressToken": "tick"})
			want := []string{"context", "generate", "check", "plan", "run", "judge"}
			until(t, "all stages were told", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(stages) == len(want)
			})
			if diff := cmp.Diff(want, stages); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A panic is one call's trouble: the next one is answered.
func TestPanic(t *testing.T) {
	b := newBench(t, false, script{}) // it has nothing to say, and panics
	c := newClient(t, b, revisions[0], nil)
	got := c.tool(t, Ask, `{"question":"How many customers are there?"}`, nil)
	if !got.isError || !strings.Contains(got.structured, `"code":"internal_error","message":"internal error"`) {
		t.Errorf("%+v", got)
	}
	id := got.meta["request_id"].(string)
	for _, want := range []string{"msg=panic", "the script has no reply", "main_test.go", "outcome=internal", "request_id=" + id} {
		if !strings.Contains(b.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, b.log)
		}
	}
	if got := c.tool(t, ListDatabases, `{}`, nil); got.isError {
		t.Errorf("%+v", got)
	}
}

// A call is known by the caller's trace, wherever that is said.
func TestTraceparent(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	b := newBench(t, false, nil)
	for _, revision := range revisions {
		c := newClient(t, b, revision, nil)
		got := c.tool(t, ListDatabases, `{}`, mcp.Meta{"traceparent": "00-" + trace + "-00f067aa0ba902b7-01"})
		if got.meta["request_id"] != trace {
			t.Errorf("%s: the ID is %v", revision, got.meta["request_id"])
		}
		got = c.tool(t, ListDatabases, `{}`, mcp.Meta{"traceparent": "*/ drop table customers"})
		if got.meta["request_id"] == trace || len(got.meta["request_id"].(string)) != 32 {
			t.Errorf("%s: the ID is %v", revision, got.meta["request_id"])
		}
	}
}

// A client cannot make names up that are counted.
func TestUnknownTool(t *testing.T) {
	b := newBench(t, false, nil)
	c := newClient(t, b, revisions[0], nil)
	if _, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: "drop_database"}); err == nil {
		t.Error("it can be called")
	}
	counts, err := b.tools.Meter.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, count := range counts {
		if count.Name == "drop_database" {
			t.Errorf("it was counted: %+v", count)
		}
	}
}

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		err     error
		outcome observe.Outcome
		code    string
	}{
		{nil, observe.OK, ""},
		{context.Canceled, observe.Cancelled, "cancelled"},
		{context.DeadlineExceeded, observe.Timeout, "timeout"},
		{errStopping, observe.Cancelled, "shutting_down"},
		{&llm.Error{Code: llm.NoGolden}, observe.Failed, "no_golden_answer"},
		{&llm.Error{Code: llm.TimedOut}, observe.Timeout, "model_timeout"},
		{&llm.StatusError{}, observe.Failed, "model_busy"},
		{&call.LimitError{What: "tool ask", RetryAfter: time.Second}, observe.Limited, "rate_limited"},
		{&call.LimitError{What: "tool ask", Busy: true, RetryAfter: time.Second}, observe.Limited, "too_busy"},
		{&call.OpenError{Cause: bytes.ErrTooLarge, RetryAfter: time.Second}, observe.Open, "breaker_open"},
		{bytes.ErrTooLarge, observe.Broken, "internal_error"},
	} {
		if outcome, code := Classify(c.err); outcome != c.outcome || code != c.code {
			t.Errorf("%v is %s, %q", c.err, outcome, code)
		}
	}
}

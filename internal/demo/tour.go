package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/query"
)

// A step is one call of a tool, and what there is to see in it.
type step struct {
	title string
	tool  string
	args  any
	no    bool // the tool is to refuse
	note  string
}

// The questions of the tour. The golden answers are to these.
const (
	clearQuestion = "Which five product categories brought in the most revenue in 2025?"
	vagueQuestion = "Who are our best agents?"
)

func tourSteps() []step {
	return []step{{
		title: "Which databases are there?",
		tool:  mcpserver.ListDatabases,
		args:  mcpserver.NoArgs{},
	}, {
		title: "Find tables by words",
		tool:  mcpserver.SearchObjects,
		args:  mcpserver.SearchArgs{Database: "desk", Query: "customer satisfaction"},
		note:  "Columns that the policy blocks, such as the customers' e-mail addresses, are not even named.",
	}, {
		title: "Run SQL",
		tool:  mcpserver.ExecuteSQL,
		args: mcpserver.SQLArgs{Database: "shop", SQL: `select to_char(month, 'YYYY-MM') as month, orders, revenue
from monthly_revenue
where month >= '2025-07-01'
order by month`},
		note: "It was parsed, held against the policy, and ran in a read-only transaction that took one round trip.",
	}, {
		title: "Read what is blocked",
		tool:  mcpserver.ExecuteSQL,
		args: mcpserver.SQLArgs{Database: "shop", SQL: `select city, email
from customers
order by registered_at desc
limit 5`},
		no:   true,
		note: "The statement never reached PostgreSQL, whose role may not read that column either.",
	}, {
		title: "Ask a question",
		tool:  mcpserver.Ask,
		args:  mcpserver.AskArgs{Database: "shop", Question: clearQuestion},
		note:  "The SQL and the verdict on it are the model's; the confidence is computed from that and from the result.",
	}, {
		title: "Ask a question that can be taken in several ways",
		tool:  mcpserver.Ask,
		args:  mcpserver.AskArgs{Database: "desk", Question: vagueQuestion},
		note:  "Below the threshold of 0.60 the rows are withheld; the SQL, the reasons and a better question are not.",
	}}
}

// tour serves the configuration and shows each step.
func (o Options) tour(ctx context.Context, config string) error {
	steps := tourSteps()
	if o.Question != "" {
		steps = []step{{
			title: "Your question",
			tool:  mcpserver.Ask,
			args:  mcpserver.AskArgs{Database: o.Database, Question: o.Question},
		}}
	}
	var log bytes.Buffer // read only if the server does not start
	cmd := exec.Command(o.Program, "serve", config)
	cmd.Stderr = &log
	client := mcp.NewClient(&mcp.Implementation{Name: "pgmcp-demo", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.CommandTransport{Command: cmd}, nil)
	if err != nil {
		return fmt.Errorf("connect to %s serve: %w\n%s", o.Program, err, &log)
	}
	for i, s := range steps {
		if err := o.show(ctx, session, i+1, s); err != nil {
			return errors.Join(err, session.Close())
		}
	}
	return session.Close()
}

// show calls the tool of a step and prints what it says.
func (o Options) show(ctx context.Context, session *mcp.ClientSession, number int, s step) error {
	o.say("\n%d. %s\n", number, s.title)
	o.say("%s", indent(s.describe()))
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: s.tool, Arguments: s.args})
	if err != nil {
		return fmt.Errorf("call %s: %w", s.tool, err)
	}
	text, err := o.render(s.tool, result)
	if err != nil {
		return err
	}
	o.say("\n%s", indent(text))
	switch {
	case result.IsError && !s.no:
		return fmt.Errorf("%s gave no answer", s.tool)
	case s.no && !result.IsError:
		return fmt.Errorf("%s did not refuse", s.tool)
	}
	if s.note != "" {
		o.say("\n   %s\n", s.note)
	}
	return nil
}

// describe is the step's call, for a person to read.
func (s step) describe() string {
	switch args := s.args.(type) {
	case mcpserver.SQLArgs:
		return fmt.Sprintf("%s on %s:\n%s", s.tool, args.Database, indent(args.SQL))
	case mcpserver.AskArgs:
		return fmt.Sprintf("%s %s: %q", s.tool, args.Database, args.Question)
	case mcpserver.SearchArgs:
		return fmt.Sprintf("%s in %s: %q", s.tool, args.Database, args.Query)
	}
	return s.tool
}

// render is what a tool said, for a person: its rows as a table, else its text.
func (o Options) render(tool string, result *mcp.CallToolResult) (string, error) {
	structured, err := json.Marshal(result.StructuredContent)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	switch {
	case result.IsError || tool != mcpserver.ExecuteSQL && tool != mcpserver.Ask:
		for _, c := range result.Content {
			if t, ok := c.(*mcp.TextContent); ok {
				fmt.Fprintln(&b, t.Text)
			}
		}
	case tool == mcpserver.ExecuteSQL:
		var rows query.Result
		if err := json.Unmarshal(structured, &rows); err != nil {
			return "", err
		}
		err = o.Table(&b, &rows)
	default:
		var a answer.Answer
		if err := json.Unmarshal(structured, &a); err != nil {
			return "", err
		}
		b.WriteString(o.About(&a))
		if a.Result != nil {
			b.WriteString("\n")
			err = o.Table(&b, a.Result)
		}
	}
	return b.String(), err
}

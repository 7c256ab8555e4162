package mcpserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/observe"
	"github.com/pgmcp/pgmcp/internal/postgres"
	"github.com/pgmcp/pgmcp/internal/query"
)

// Tools are what the six tools do, for MCP clients and the command line alike.
// Who calls a method takes it through the chain as an operation of kind
// call.Tool, by the tool's name.
type Tools struct {
	Databases  *postgres.Databases
	Runner     *query.Runner
	Pipeline   *answer.Pipeline
	Meter      *observe.Meter
	Limits     *call.Limits
	Resilience *call.Resilience
	Version    string
	Started    time.Time
}

// The names of the tools.
const (
	ListDatabases = "list_databases"
	SearchObjects = "search_objects"
	ExecuteSQL    = "execute_sql"
	ExplainSQL    = "explain_sql"
	Ask           = "ask"
	Health        = "health"
)

// A handler carries out a call of one tool.
type handler func(context.Context, *Tools, *mcp.CallToolRequest) (*mcp.CallToolResult, error)

// A tool is what clients see of one, and what it does.
type tool struct {
	spec *mcp.Tool
	do   handler
}

// table are the six tools.
func table() []tool {
	return []tool{
		newTool(ListDatabases, "The databases that can be queried, with what each is about.",
			plain((*Tools).ListDatabases), listText),
		newTool(SearchObjects, "Find tables and views by words in their names, columns and comments. No words: all of them.",
			plain((*Tools).SearchObjects), searchText),
		newTool(ExecuteSQL, "Run one read-only statement (SELECT, VALUES, TABLE). Rows beyond a limit are cut off, and truncated says so. Large numbers are strings.",
			plain((*Tools).ExecuteSQL), resultText),
		newTool(ExplainSQL, "Plan a statement without running it: cost, estimated rows and the plan.",
			plain((*Tools).ExplainSQL), planText),
		newTool(Ask, "Answer a question in words: writes SQL, runs it and says how far the answer can be trusted. Rows of an answer that is not trusted are withheld.",
			(*Tools).askRequest, answerText),
		newTool(Health, "Whether pgmcp and each database work, and what was called so far.",
			plain((*Tools).Health), HealthText),
	}
}

// ToolNames are the names of all tools.
func ToolNames() []string {
	var names []string
	for _, t := range table() {
		names = append(names, t.spec.Name)
	}
	return names
}

// NoArgs is for tools that take none.
type NoArgs struct{}

// plain is for tools that need nothing of the request but its arguments.
func plain[In, Out any](f func(*Tools, context.Context, In) (*Out, error)) func(*Tools, context.Context, *mcp.CallToolRequest, In) (*Out, error) {
	return func(t *Tools, ctx context.Context, _ *mcp.CallToolRequest, in In) (*Out, error) { return f(t, ctx, in) }
}

// newTool makes one tool. Arguments are read and the structured content is encoded
// here, not by the SDK: its errors teach a model little, and it would round
// numbers beyond 2^53 on their way through float64.
func newTool[In, Out any](name, description string, f func(*Tools, context.Context, *mcp.CallToolRequest, In) (*Out, error), text func(*Out) string) tool {
	no, openWorld := false, name == Ask // a model may be asked, outside
	input := inputSchema[In]()
	return tool{&mcp.Tool{
		Name:         name,
		Description:  description,
		InputSchema:  input,
		OutputSchema: outputSchema[Out](),
		Annotations:  &mcp.ToolAnnotations{ReadOnlyHint: true, DestructiveHint: &no, IdempotentHint: true, OpenWorldHint: &openWorld},
	}, func(ctx context.Context, t *Tools, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		in, err := readArguments[In](r.Params.Arguments, input)
		if err != nil {
			return nil, err
		}
		out, err := f(t, ctx, r, in)
		if err != nil {
			return nil, err
		}
		content, err := Encode(out)
		if err != nil {
			return nil, err
		}
		return &mcp.CallToolResult{
			Content:           []mcp.Content{&mcp.TextContent{Text: text(out)}},
			StructuredContent: content,
		}, nil
	}}
}

// Encode is the JSON of what a tool gave, for clients and the command line.
func Encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode result: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// inputSchema is the schema of T, with what Go types cannot say. Only what
// [readArguments] holds arguments against may be in it.
func inputSchema[T any]() *jsonschema.Schema {
	s := schemaFor[T]()
	if detail := s.Properties["detail"]; detail != nil {
		detail.Enum = []any{detailNames, detailSummary, detailFull}
	}
	if query := s.Properties["query"]; query != nil {
		query.MaxLength = new(1000)
	}
	return s
}

// outputSchema is the schema of T's JSON, or of a [Reason]: clients hold
// refusals against a tool's schema too. Models pay for each byte of it in every
// conversation, so it says what there is and not more.
func outputSchema[T any]() *jsonschema.Schema {
	s := schemaFor[T]()
	s.AnyOf = []*jsonschema.Schema{{Required: s.Required}, {Required: []string{"code", "message"}}}
	shorten(s, 0)
	return s
}

// shorten leaves out of a schema what its reader does not need: the bounds of
// numbers, null where a property is simply left out, what details of details are, and
// that others are forbidden, which also lets a later version add some.
func shorten(s *jsonschema.Schema, depth int) {
	s.AdditionalProperties, s.Required, s.Minimum, s.Maximum = nil, nil, nil, nil
	if len(s.Types) == 2 && s.Types[0] == "null" {
		s.Type, s.Types = s.Types[1], nil
	}
	if depth == 3 {
		s.Type, s.Types, s.Properties, s.Items = "", nil, nil, nil
	}
	for _, p := range s.Properties {
		shorten(p, depth+1)
	}
	if s.Items != nil {
		shorten(s.Items, depth+1)
	}
}

func schemaFor[T any]() *jsonschema.Schema {
	s, err := jsonschema.For[T](&jsonschema.ForOptions{
		TypeSchemas: map[reflect.Type]*jsonschema.Schema{reflect.TypeFor[json.RawMessage](): {Type: "array"}},
	})
	if err != nil {
		panic(err) // a type of this package has no schema: every start would fail
	}
	return s
}

package mcpserver

import (
	"context"
	"fmt"
	"strings"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/query"
)

// SQLArgs are the arguments of execute_sql and explain_sql.
type SQLArgs struct {
	SQL      string `json:"sql"`
	Database string `json:"database,omitempty" jsonschema:"needed if there are several"`
}

// ExecuteSQL judges a statement and runs it.
func (t *Tools) ExecuteSQL(ctx context.Context, in SQLArgs) (*query.Result, error) {
	s, err := t.Runner.Check(ctx, in.Database, in.SQL)
	if err != nil {
		return nil, err
	}
	result, err := t.Runner.Run(ctx, s)
	if err == nil {
		facts := call.FactsOf(ctx)
		facts.Rows, facts.Bytes = result.RowCount, len(result.Rows)
	}
	return result, err
}

// ExplainSQL judges a statement and plans it, where the policy lets statements
// be explained.
func (t *Tools) ExplainSQL(ctx context.Context, in SQLArgs) (*query.Plan, error) {
	s, err := t.Runner.Check(ctx, in.Database, in.SQL)
	if err != nil {
		return nil, err
	}
	call.FactsOf(ctx).Planned = true
	return t.Runner.Explain(ctx, s)
}

func resultText(r *query.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of data", Count(r.RowCount, "row"))
	for i, c := range r.Columns {
		b.WriteString([]string{" (", ", "}[min(i, 1)])
		b.WriteString(c.Name + " " + c.Type)
	}
	if len(r.Columns) > 0 {
		b.WriteString(")")
	}
	switch r.Truncated {
	case "rows":
		b.WriteString(", cut off at the row limit: there are more. Filter or aggregate.")
	case "bytes":
		b.WriteString(", cut off at the size limit: there are more. Select fewer columns, filter or aggregate.")
	}
	room := maxText - b.Len()
	shown := 0
	for row := range elements(r.Rows) {
		if room -= len(row) + 1; room < 0 {
			fmt.Fprintf(&b, "\n… %s more in the structured content", Count(r.RowCount-shown, "row"))
			break
		}
		b.WriteString("\n")
		b.Write(row)
		shown++
	}
	return b.String()
}

func planText(p *query.Plan) string {
	return clip(fmt.Sprintf("Estimated cost %g, %g rows.\n%s", p.Cost, p.Rows, p.Plan))
}

package mcpserver

import (
	"context"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/call"
)

// AskArgs are the arguments of ask.
type AskArgs struct {
	Question string `json:"question"`
	Database string `json:"database,omitempty" jsonschema:"needed if there are several"`
}

// Ask answers a question. Progress, if not nil, hears the name of each stage.
// SQL of the model's that was refused is a *[Reason].
func (t *Tools) Ask(ctx context.Context, in AskArgs, progress func(stage string)) (*answer.Answer, error) {
	facts := call.FactsOf(ctx)
	facts.Question = in.Question
	a, err := t.Pipeline.Answer(ctx, answer.Question{Text: in.Question, Database: in.Database}, progress)
	if err != nil {
		return nil, err
	}
	report(a, facts)
	if a.Status == answer.Refused {
		reason := NewReason(a.Refusal)
		reason.SQL, reason.Notes, reason.Attempts = a.SQL, a.Notes, a.Attempts
		return nil, reason
	}
	return a, nil
}

// report fills in what became of a question.
func report(a *answer.Answer, f *call.Facts) {
	f.Database, f.SQL, f.Status, f.Source = a.Database, a.SQL, string(a.Status), a.Source()
	if a.Confidence != nil {
		f.Score = &a.Confidence.Score
	}
	if a.Result != nil {
		f.Rows, f.Bytes = a.Result.RowCount, len(a.Result.Rows)
	}
}

// askRequest answers a question and tells the client of each stage, if it asked for that.
func (t *Tools) askRequest(ctx context.Context, r *mcp.CallToolRequest, in AskArgs) (*answer.Answer, error) {
	token := r.Params.GetProgressToken()
	if token == nil {
		return t.Ask(ctx, in, nil)
	}
	stages := 0
	return t.Ask(ctx, in, func(stage string) {
		stages++
		// A client that does not hear it loses nothing but the note.
		_ = r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{
			ProgressToken: token, Progress: float64(stages), Message: stage,
		})
	})
}

func answerText(a *answer.Answer) string {
	var b strings.Builder
	line := func(label, text string) {
		if text != "" {
			b.WriteString("\n" + label + text)
		}
	}
	lines := func(label string, texts []string) {
		for _, text := range texts {
			line(label, text)
		}
	}
	b.WriteString(verdict(a))
	line("", a.Message)
	if a.Confidence != nil {
		lines("reason: ", a.Confidence.Reasons)
	}
	lines("assumption: ", a.Assumptions)
	lines("note: ", a.Notes)
	line("it reads: ", a.Reading)
	if a.Cached {
		line("", "No model was asked: the SQL was remembered.")
	}
	line("sql: ", a.SQL)
	if a.Result != nil {
		line("", resultText(a.Result))
	}
	return b.String()
}

// verdict is a line on how a question ended.
func verdict(a *answer.Answer) string {
	switch a.Status {
	case answer.Answered:
		return fmt.Sprintf("Answered with confidence %.2f (%s).", a.Confidence.Score, a.Confidence.Label)
	case answer.LowConfidence:
		rows := "The rows are withheld."
		if a.Result != nil {
			rows = "Do not rely on the rows."
		}
		return fmt.Sprintf("Confidence %.2f (%s) is too low. %s", a.Confidence.Score, a.Confidence.Label, rows)
	case answer.Clarify:
		return "The question has several readings."
	default:
		return "This database cannot answer the question."
	}
}

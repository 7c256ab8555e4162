package answer

import (
	"context"
	"fmt"
	"strings"

	"github.com/pgmcp/pgmcp/internal/llm"
)

// A draft is what a model makes of a question.
type draft struct {
	Status      string   `json:"status"`
	Assumptions []string `json:"assumptions"`
	SQL         string   `json:"sql"`
	Message     string   `json:"message"`
}

// draftSQL is the status of a draft that holds SQL; the others are a [Status].
const draftSQL = "sql"

func (p *Pipeline) generate(ctx context.Context, a *Answer, shown excerpt, question string) (draft, error) {
	var d draft
	if err := p.ask(ctx, a, draftRequest(p.config.LLM.Model, shown, question), p.draft, &d); err != nil {
		return d, err
	}
	return d.cleaned()
}

// draftRequest asks for SQL. What does not depend on the question comes first,
// because servers cache the beginnings of prompts.
func draftRequest(model string, shown excerpt, question string) llm.Request {
	return llm.Request{
		Stage: "generate",
		Model: model,
		Title: question,
		Messages: []llm.Message{
			{Role: "system", Content: headed(generatePrompt)},
			{Role: "user", Content: shown.text + "\nThe question, as a JSON string:\n" + quoted(question)},
		},
	}
}

// cleaned is d without what cannot be shown, or an *[Error] if it contradicts itself.
func (d draft) cleaned() (draft, error) {
	d.SQL = strings.TrimSpace(d.SQL)
	d.Message = plain(d.Message, 1000)
	assumptions := d.Assumptions
	d.Assumptions = nil
	for _, s := range assumptions[:min(len(assumptions), 10)] {
		if s = plain(s, 300); s != "" {
			d.Assumptions = append(d.Assumptions, s)
		}
	}
	if d.Status == draftSQL {
		d.Message = ""
		if d.SQL == "" {
			return d, &Error{Code: "model_failed", Message: "the model says that it wrote SQL, but there is none"}
		}
		return d, nil
	}
	d.SQL = ""
	if d.Message == "" {
		return d, &Error{Code: "model_failed", Message: fmt.Sprintf("the model calls the question %q without saying why", d.Status)}
	}
	return d, nil
}

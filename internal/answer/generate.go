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
	Filters     []filter `json:"filters"`
	SQL         string   `json:"sql"`
	Message     string   `json:"message"`
}

// A filter is a condition that a model says its SQL has.
type filter struct {
	Column       string `json:"column"`
	Op           string `json:"op"`
	Value        string `json:"value"`
	FromQuestion bool   `json:"from_question"`
}

// draftSQL is the status of a draft that holds SQL; the others are a [Status].
const draftSQL = "sql"

// What is asked of a model.
type asked struct {
	question string
	shown    excerpt
	grounds  []ground
	date     string // the line that says what day it is
}

// late is what depends on the question, or on the day.
func (in asked) late() string {
	return groundsText(in.grounds) + in.date + "\n\nThe question, as a JSON string:\n" + quoted(visible(in.question))
}

func (p *Pipeline) generate(ctx context.Context, a *Answer, in asked) (draft, error) {
	var d draft
	if err := p.ask(ctx, a, draftRequest(p.config.LLM.Model, in), p.draft, &d); err != nil {
		return d, err
	}
	return d.cleaned(in.shown)
}

// draftRequest asks for SQL. What does not depend on the question comes first,
// because servers cache the beginnings of prompts.
func draftRequest(model string, in asked) llm.Request {
	return llm.Request{
		Stage: "generate",
		Model: model,
		Title: in.question,
		Messages: []llm.Message{
			{Role: "system", Content: headed(generatePrompt)},
			{Role: "user", Content: in.shown.text + "\n" + in.late()},
		},
	}
}

// cleaned is d without what cannot be shown, or an *[Error] if it contradicts
// itself. A reply that repeats the fingerprint of what was shown, which is of no
// use in any reply, follows somebody who wants to read the prompt.
func (d draft) cleaned(shown excerpt) (draft, error) {
	if shown.mark != "" && strings.Contains(fmt.Sprint(d), shown.mark) {
		return d, &Error{Code: "model_failed", Message: "the model repeats its prompt, as if something in it had told it to"}
	}
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

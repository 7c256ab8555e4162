package answer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/postgres"
	"github.com/pgmcp/pgmcp/internal/query"
)

// A Pipeline answers questions.
type Pipeline struct {
	config    *config.Config
	databases *postgres.Databases
	runner    *query.Runner
	model     llm.Provider
	draft     *form // of replies in the stage generate
	verdict   *form // of replies in the stage judge

	calibration *Calibration // nil: none
}

// NewPipeline returns a pipeline that asks model and runs SQL through runner,
// which serves databases. A nil model means that none is configured: every
// question is then an *[Error] that says so.
func NewPipeline(c *config.Config, databases *postgres.Databases, runner *query.Runner, model llm.Provider) *Pipeline {
	return &Pipeline{config: c, databases: databases, runner: runner, model: model, draft: newForm(draftSchema), verdict: newForm(verdictSchema)}
}

// Calibrated is p with scores that k has calibrated; nil leaves them as they are.
func (p *Pipeline) Calibrated(k *Calibration) *Pipeline {
	c := *p
	c.calibration = k
	return &c
}

// Answer answers q. Progress, if not nil, hears the name of each stage as it
// starts: context, generate, check, plan, run, judge.
//
// The error is an *[Error], a *postgres.UnknownDatabase or *postgres.Unavailable,
// the context's, or one of the chain's.
func (p *Pipeline) Answer(ctx context.Context, q Question, progress func(stage string)) (*Answer, error) {
	if progress == nil {
		progress = func(string) {}
	}
	if err := p.accept(q.Text); err != nil {
		return nil, err
	}
	db, err := p.databases.Get(q.Database)
	if err != nil {
		return nil, err
	}

	progress("context")
	rules, err := db.Policy(ctx)
	if err != nil {
		return nil, err
	}
	shown := render(rules, db.Description, q.Text, maxContext)
	a := &Answer{Database: db.Name, Notes: shown.notes}

	progress("generate")
	d, err := p.generate(ctx, a, shown, q.Text)
	if err != nil {
		return nil, err
	}
	a.Assumptions = d.Assumptions
	if d.Status != draftSQL {
		a.Status, a.Message = Status(d.Status), d.Message
		return a, nil
	}
	a.SQL = d.SQL

	statement, result, err := p.execute(ctx, a, progress)
	if err != nil {
		return nil, err
	}
	if a.Status == Refused {
		return a, nil
	}
	looks, err := shapeOf(result)
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}

	var v *verdict
	doubts := []doubt{unexamined}
	if a.ModelCalls < p.config.Answers.MaxModelCalls {
		progress("judge")
		v, doubts, err = p.examine(ctx, a, renderPart(rules, statement.Reads().Tables), q.Text, looks)
		if err != nil {
			return nil, err
		}
	}
	a.Confidence = score(append(doubts, looks.doubts()...))
	p.calibration.apply(a.Confidence, db.Name)
	p.decide(a, result, v)
	return a, nil
}

// accept says why a question is not taken up, before anything is done for it.
func (p *Pipeline) accept(question string) error {
	limit := p.config.Security.MaxQuestionLength
	switch n := utf8.RuneCountInString(question); {
	case strings.TrimSpace(question) == "":
		return &Error{Code: "question_empty", Message: "the question is empty"}
	case n > limit:
		return &Error{
			Code:    "question_too_long",
			Message: fmt.Sprintf("the question has %d characters, and at most %d are allowed", n, limit),
			Hint:    "ask for one thing, in fewer words",
		}
	case p.model == nil:
		return &Error{
			Code:    "no_model",
			Message: "no model is configured, so questions cannot be answered",
			Hint:    `set llm: {model: "…", api_key: env: "…"} in the configuration, or write the SQL yourself`,
		}
	}
	return nil
}

// execute has the SQL of a checked, planned and run. Where it is refused on the
// way, it says so in a.
func (p *Pipeline) execute(ctx context.Context, a *Answer, progress func(string)) (guard.Statement, *query.Result, error) {
	progress("check")
	statement, err := p.runner.Check(ctx, a.Database, a.SQL)
	if err != nil {
		return statement, nil, a.refuse(err)
	}

	// Planning finds most mistakes before the database does any work.
	progress("plan")
	if _, err := p.runner.Plan(ctx, statement); err != nil {
		return statement, nil, a.refuse(err)
	}
	progress("run")
	result, err := p.runner.Run(ctx, statement)
	if err != nil {
		return statement, nil, a.refuse(err)
	}
	return statement, result, nil
}

// refuse ends a if err is a verdict on its SQL, and else returns err.
func (a *Answer) refuse(err error) error {
	_, guarded := errors.AsType[*guard.Refusal](err)
	_, failed := errors.AsType[*query.Error](err)
	if !guarded && !failed {
		return err
	}
	a.Status, a.Refusal = Refused, err
	return nil
}

// decide compares the confidence with the threshold, which itself still counts
// as trusted, and withholds the rows below it.
func (p *Pipeline) decide(a *Answer, result *query.Result, v *verdict) {
	if a.Confidence.Score >= p.config.Answers.ConfidenceThreshold {
		a.Status, a.Result = Answered, result
		return
	}
	a.Status, a.Message = LowConfidence, v.question()
	if p.config.Answers.OnLowConfidence == "flag" {
		a.Result = result
	}
}

// ask asks the model once, and counts it in a. What the reply says goes into
// reply, if it fits f.
func (p *Pipeline) ask(ctx context.Context, a *Answer, r llm.Request, f *form, reply any) error {
	a.ModelCalls++
	r.Schema = f.text
	s, err := p.model.Complete(ctx, r)
	if err != nil {
		return modelError(err)
	}
	a.Usage.Add(s.Usage)
	if err := f.read(s.Content, reply); err != nil {
		return &Error{Code: "model_failed", Message: plain(fmt.Sprintf("the model's reply in the stage %s is unusable: %v", r.Stage, err), 500)}
	}
	return nil
}

// modelError is err for a caller to act on. What is neither the provider's nor
// a matter of the model stays as it is.
func modelError(err error) error {
	if e, ok := errors.AsType[*llm.StatusError](err); ok {
		hint := "try again later"
		if e.RetryAfter > 0 {
			hint = fmt.Sprintf("try again in %s", e.RetryAfter)
		}
		return &Error{Code: "model_busy", Message: e.Error(), Hint: hint, cause: err}
	}
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return &Error{Code: string(e.Code), Message: e.Message, cause: err}
	}
	return err
}

// JudgeModel is the model that examines answers.
func JudgeModel(c *config.LLM) string { return cmp.Or(c.JudgeModel, c.Model) }

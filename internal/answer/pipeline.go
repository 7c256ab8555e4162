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
	"github.com/pgmcp/pgmcp/internal/verified"
)

// A Pipeline answers questions.
type Pipeline struct {
	config    *config.Config
	databases *postgres.Databases
	runner    *query.Runner
	model     llm.Provider
	verified  map[string]*verified.Set // by database
	cache     *cache                   // nil: it is off
	draft     *form                    // of replies in the stage generate
	verdict   *form                    // of replies in the stage judge
}

// NewPipeline returns a pipeline that asks model and runs SQL through runner,
// which serves databases. A nil model means that none is configured: every
// question that no verified query answers is then an *[Error] that says so.
// Verified queries that are wrong in themselves answer nothing.
func NewPipeline(c *config.Config, databases *postgres.Databases, runner *query.Runner, model llm.Provider) *Pipeline {
	p := &Pipeline{c, databases, runner, model, map[string]*verified.Set{}, newCache(c.Answers.Cache), newForm(draftSchema), newForm(verdictSchema)}
	for name, db := range c.Databases {
		p.verified[name], _ = verified.New(db.Queries)
	}
	return p
}

// Answer answers q. Progress, if not nil, hears the name of each stage as it
// starts: context, generate, check, plan, run, judge. A verified query is only
// checked, planned and run.
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

	if hit, err := p.verified[db.Name].Find(q.Text); hit != nil || err != nil {
		return p.vouched(ctx, db.Name, hit, err, progress)
	}
	if p.model == nil {
		return nil, &Error{
			Code:    "no_model",
			Message: "no model is configured, so questions cannot be answered",
			Hint:    `set llm: {model: "…", api_key: env: "…"} in the configuration, or write the SQL yourself`,
		}
	}
	progress("context")
	rules, err := db.Policy(ctx)
	if err != nil {
		return nil, err
	}
	key := p.cacheKey(db, rules, q.Text)
	a := &Answer{Database: db.Name, talk: p.cache.recall(key)}
	defer p.cache.keep(key, a)
	shown := render(rules, db.Description, q.Text, maxContext)
	a.Notes = shown.notes

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

// ask asks the model once, and counts it in a, unless it is remembered what it
// said before. What the reply says goes into reply, if it fits f.
func (p *Pipeline) ask(ctx context.Context, a *Answer, r llm.Request, f *form, reply any) error {
	if content, ok := a.talk.recall(r.Stage); ok {
		return f.read(content, reply)
	}
	a.ModelCalls++
	r.Schema = f.text
	r.Sample = a.talk.ask(r)
	s, err := p.model.Complete(ctx, r)
	if err != nil {
		return modelError(err)
	}
	a.Usage.Add(s.Usage)
	if err := f.read(s.Content, reply); err != nil {
		return &Error{Code: "model_failed", Message: plain(fmt.Sprintf("the model's reply in the stage %s is unusable: %v", r.Stage, err), 500)}
	}
	a.talk.hear(r.Stage, s.Content)
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

// judgeModel is the model that examines answers.
func (p *Pipeline) judgeModel() string {
	return cmp.Or(p.config.LLM.JudgeModel, p.config.LLM.Model)
}

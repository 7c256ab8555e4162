package answer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
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

	calibration *Calibration // nil: none
}

// NewPipeline returns a pipeline that asks model and runs SQL through runner,
// which serves databases. A nil model means that none is configured: every
// question that no verified query answers is then an *[Error] that says so.
// Verified queries that are wrong in themselves answer nothing.
func NewPipeline(c *config.Config, databases *postgres.Databases, runner *query.Runner, model llm.Provider) *Pipeline {
	p := &Pipeline{c, databases, runner, model, map[string]*verified.Set{}, newCache(c.Answers.Cache), newForm(draftSchema), newForm(verdictSchema), nil}
	for name, db := range c.Databases {
		p.verified[name], _ = verified.New(db.Queries)
	}
	return p
}

// Calibrated is p with scores that k has calibrated; nil leaves them as they are.
func (p *Pipeline) Calibrated(k *Calibration) *Pipeline {
	c := *p
	c.calibration = k
	return &c
}

// Answer answers q. Progress, if not nil, hears the name of each stage as it
// starts: context, generate, check, plan, run, judge; repair, and again check, plan
// and run, where SQL is mended; lookup where values are looked for. A verified
// query is only checked, planned and run.
//
// The error is an *[Error], a *postgres.UnknownDatabase or *postgres.Unavailable,
// the context's, or one of the chain's.
func (p *Pipeline) Answer(ctx context.Context, q Question, progress func(stage string)) (*Answer, error) {
	if err := p.accept(q.Text); err != nil {
		return nil, err
	}
	ctx, cancel := p.limited(ctx)
	defer cancel()
	steps := newStages(progress)
	defer func() { steps.finish() }()
	a, err := p.answer(ctx, q, steps)
	if timeUp(ctx) && (err != nil || a.Status == Refused) {
		return nil, p.tooLong()
	}
	return a, err
}

func (p *Pipeline) answer(ctx context.Context, q Question, steps *stages) (*Answer, error) {
	db, err := p.databases.Get(ctx, q.Database)
	if err != nil {
		return nil, err
	}
	if hit, err := p.verified[db.Name].Find(q.Text); hit != nil || err != nil {
		return p.vouched(ctx, db.Name, hit, err, steps)
	}
	if p.model == nil {
		return nil, &Error{
			Code:    "no_model",
			Message: "no model is configured, so questions cannot be answered",
			Hint:    `set llm: {model: "…", api_key: env: "…"} in the configuration, or write the SQL yourself`,
		}
	}
	rules, err := db.Policy(steps.begin(ctx, "context"))
	if err != nil {
		return nil, err
	}
	v := view{rules, db.Statistics(), db.Description, p.config.Answers.Values, p.config.Answers.TokenBudget}
	in := asked{question: q.Text, shown: v.render(q.Text), date: dateLine(p.config.Answers.Date, time.Now())}
	in.grounds = p.ground(ctx, v, q.Text, steps)
	key := p.cacheKey(db, rules, q.Text)
	a := &Answer{Database: db.Name, Notes: in.shown.notes, talk: p.cache.recall(key)}
	defer p.cache.keep(key, a)

	d, err := p.generate(steps.begin(ctx, "generate"), a, in)
	if err != nil {
		return nil, err
	}
	done, err := p.run(ctx, a, in, d, steps)
	if err != nil || a.Status != "" {
		return a, err
	}
	if done, err = p.reconsider(ctx, a, v, in, done, steps); err != nil {
		return nil, err
	}
	return a, p.assess(ctx, a, v, in, done, steps)
}

// ground finds the values that a question names.
func (p *Pipeline) ground(ctx context.Context, v view, question string, steps *stages) []ground {
	grounds, missing := v.grounds(spansOf(question))
	if v.values == valuesLookup && len(missing) > 0 {
		grounds = inPlace(append(grounds, p.lookup(steps.begin(ctx, "lookup"), v, question, missing)...))
	}
	return grounds
}

// An outcome is what SQL gave.
type outcome struct {
	draft     draft
	statement guard.Statement
	result    *query.Result
	looks     shape
	mended    int // how often, before it was this SQL
}

// run runs the SQL of a draft, and has it mended where it is refused or fails, as
// often as may be. If there is no result, a has a status that says why.
func (p *Pipeline) run(ctx context.Context, a *Answer, in asked, d draft, steps *stages) (outcome, error) {
	for {
		a.Assumptions, a.SQL = d.Assumptions, d.SQL
		if d.Status != draftSQL {
			a.Status, a.Message = Status(d.Status), d.Message
			return outcome{}, nil
		}
		done, err := p.try(ctx, a, d, steps)
		if err == nil {
			return done, nil
		}
		f, ok := faultOf(err)
		if !ok {
			return outcome{}, err
		}
		if ctx.Err() != nil || !f.mendable() || len(a.Attempts) >= p.config.Answers.MaxRepairs {
			a.Status, a.Refusal = Refused, err
			return outcome{}, nil
		}
		mended, failed := p.mend(steps.begin(ctx, "repair"), a, in, f)
		if isSpent(failed) {
			a.Attempts = a.Attempts[:len(a.Attempts)-1] // it is the refusal itself
			a.Status, a.Refusal = Refused, err
			a.Notes = append(a.Notes, "it was not mended: "+failed.Error())
			return outcome{}, nil
		}
		if failed != nil {
			return outcome{}, failed
		}
		d = mended
	}
}

// try runs the SQL of a, which is that of d.
func (p *Pipeline) try(ctx context.Context, a *Answer, d draft, steps *stages) (outcome, error) {
	statement, result, err := p.execute(ctx, a, steps)
	if err != nil {
		return outcome{}, err
	}
	looks, err := shapeOf(result)
	if err != nil {
		return outcome{}, fmt.Errorf("read result: %w", err)
	}
	return outcome{d, statement, result, looks, len(a.Attempts)}, nil
}

// execute has the SQL of a checked, planned and run.
func (p *Pipeline) execute(ctx context.Context, a *Answer, steps *stages) (guard.Statement, *query.Result, error) {
	statement, err := p.runner.Check(steps.begin(ctx, "check"), a.Database, a.SQL)
	if err != nil {
		return statement, nil, err
	}

	// Planning finds most mistakes before the database does any work.
	if _, err := p.runner.Plan(steps.begin(ctx, "plan"), statement); err != nil {
		return statement, nil, err
	}
	result, err := p.runner.Run(steps.begin(ctx, "run"), statement)
	return statement, result, err
}

// assess computes how far an answer can be trusted, and decides what is given out.
func (p *Pipeline) assess(ctx context.Context, a *Answer, v view, in asked, done outcome, steps *stages) error {
	var doubts []doubt
	a.Flags, doubts = v.evidence(in, done).check(p.config.Answers.Checks)
	doubts = append(doubts, mended(done.mended)...)
	if p.config.Answers.MaxModelCalls == 1 {
		a.Confidence = p.rate(a.Database, append(doubts, unexamined))
		p.decide(a, done.result, nil)
		return nil
	}

	ctx = steps.begin(ctx, "judge")
	seen := examined{in.question, in.grounds, in.date, a.SQL, v.renderPart(done.statement.Reads().Tables), done.looks, ""}
	found, more, err := p.examine(ctx, a, seen)
	if err != nil {
		return err
	}
	a.Confidence = p.rate(a.Database, slices.Concat(more, doubts))
	if found != nil {
		a.Reading = found.ReadsAs
	}
	if p.config.Answers.JudgeRows == "sample" && done.looks.rows > 0 {
		if seen.sample, err = sampleText(done.result, in.question, a.SQL); err != nil {
			return err
		}
		_, more, err := p.examine(ctx, a, seen)
		if err != nil {
			return err
		}
		a.Confidence = lower(a.Confidence, p.rate(a.Database, slices.Concat(more, doubts)))
	}
	p.decide(a, done.result, found)
	return nil
}

// rate is the confidence that is left with these doubts, calibrated if it can be.
func (p *Pipeline) rate(database string, doubts []doubt) *Confidence {
	c := score(doubts)
	p.calibration.apply(c, database)
	return c
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
	r.Schema = f.text
	if err := p.afford(ctx, a, r); err != nil {
		return err
	}
	r.Sample = a.talk.ask(r)
	a.ModelCalls++
	s, err := p.model.Complete(ctx, r)
	if err != nil {
		a.Usage.Add(s.Usage)
		a.spent += s.Usage.Prompt + s.Usage.Completion
		return modelError(err)
	}
	a.pay(r, s)
	if err := f.read(s.Content, reply); err != nil {
		return &Error{Code: "model_failed", Message: plain(fmt.Sprintf("the model's reply in the stage %s is unusable: %v", r.Stage, err), 500)}
	}
	a.talk.hear(r.Stage, s.Content)
	return nil
}

// grave is err, if it ends a question that could be answered without what was asked
// of the model: its context ended, unless the question's own time is up, or a
// golden answer is missing, which is a mistake of whoever set the goldens up.
func grave(ctx context.Context, err error) error {
	switch e, ok := errors.AsType[*Error](err); {
	case timeUp(ctx):
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case ok && e.Code == string(llm.NoGolden):
		return err
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
func JudgeModel(c *config.LLM) string {
	if c.Judge != nil {
		return c.Judge.Model
	}
	return cmp.Or(c.JudgeModel, c.Model)
}

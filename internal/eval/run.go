package eval

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/observe"
	"github.com/pgmcp/pgmcp/internal/query"
)

// An Outcome is what became of a case.
type Outcome struct {
	Case   Case
	Answer *answer.Answer // nil if the question could not be answered at all
	Match  Match          // how the answer compares with the golds

	// Reason is a code for why there is no right answer where that is not for
	// its rows: a refusal's or an error's, "cut_off" for rows that a limit cut
	// off, or the status of an answer without SQL. Else it is empty.
	Reason string

	// Err is why the case says nothing: the model or the database failed, not
	// the answer. Such a case counts nowhere.
	Err error

	Elapsed time.Duration // until the answer
}

// Item is the outcome as the statistics of confidence see it.
func (o *Outcome) Item() Item {
	i := Item{Answerable: !o.Case.Unanswerable}
	if o.Answer != nil {
		i.Given = o.Answer.Confidence != nil
		i.Refused = o.Answer.Status == answer.Refused
		i.Right = o.Match.Execution
	}
	if i.Given {
		i.Confidence = o.Answer.Confidence.Score
	}
	return i
}

// A Runner runs cases.
type Runner struct {
	Pipeline *answer.Pipeline
	Query    *query.Runner
	Parallel int             // cases at the same time, at least 1
	Progress func(ended int) // hears how many cases have ended; may be nil
}

// Verify runs the golds alone and says what is wrong with them, before a model
// is asked: a *config.Invalid has every gold that is refused, fails or has rows
// cut off. Other errors are a database's.
func (r *Runner) Verify(ctx context.Context, cases []Case) error {
	problems := make([][]config.Problem, len(cases))
	errs := make([]error, len(cases))
	r.each(ctx, len(cases), func(i int) {
		for _, g := range cases[i].Gold {
			p, err := r.verify(ctx, cases[i], g)
			if err != nil {
				errs[i] = err
				return
			}
			problems[i] = append(problems[i], p...)
		}
	})
	if err := errors.Join(ctx.Err(), first(errs)); err != nil {
		return err
	}
	var all []config.Problem
	for _, p := range problems {
		all = append(all, p...)
	}
	if len(all) > 0 {
		return &config.Invalid{Problems: all}
	}
	return nil
}

func (r *Runner) verify(ctx context.Context, c Case, g Gold) ([]config.Problem, error) {
	statement, err := r.Query.Check(ctx, c.Database, g.SQL)
	var result *query.Result
	if err == nil {
		result, err = r.Query.Run(ctx, statement)
	}
	at := func(position int, message, hint string) []config.Problem {
		line, column := place(g, position)
		return []config.Problem{{File: c.File, Line: line, Column: column, Message: message, Hint: hint}}
	}
	if e, ok := errors.AsType[*guard.Refusal](err); ok {
		return at(e.Position, fmt.Sprintf("the policy refuses this SQL: %s: %s", e.Code, e.Message), e.Hint), nil
	}
	if e, ok := errors.AsType[*query.Error](err); ok && ctx.Err() == nil {
		return at(e.Position, fmt.Sprintf("this SQL fails: %s: %s", e.Code, e.Message), e.Hint), nil
	}
	if err == nil && result.Truncated != "" {
		return at(0, fmt.Sprintf("the limit of %s cuts rows of this SQL off, so nothing can be compared with it", result.Truncated),
			"ask for fewer rows, or raise security.limits"), nil
	}
	return nil, err
}

// place is the line and column of a position in the gold, in characters from 1.
func place(g Gold, position int) (line, column int) {
	before := []rune(g.SQL)
	before = before[:min(max(position-1, 0), len(before))]
	text := string(before)
	last := text[strings.LastIndexByte(text, '\n')+1:]
	return g.Line + strings.Count(text, "\n"), len([]rune(last)) + 1
}

// Run answers the cases, and gives their outcomes in the same order. The error
// is the context's.
func (r *Runner) Run(ctx context.Context, cases []Case) ([]Outcome, error) {
	outcomes := make([]Outcome, len(cases))
	r.each(ctx, len(cases), func(i int) { outcomes[i] = r.one(ctx, cases[i]) })
	return outcomes, ctx.Err()
}

// each calls f for each number below n, several at a time, until ctx ends.
func (r *Runner) each(ctx context.Context, n int, f func(i int)) {
	var (
		mu          sync.Mutex
		next, ended int
		workers     sync.WaitGroup
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next <= n && ctx.Err() == nil
	}
	for range min(max(r.Parallel, 1), n) {
		workers.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				f(i)
				mu.Lock()
				if ended++; r.Progress != nil {
					r.Progress(ended)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
}

func (r *Runner) one(ctx context.Context, c Case) Outcome {
	o := Outcome{Case: c}
	ctx = observe.Continue(ctx, "") // all that is done for it has one ID
	start := time.Now()
	a, err := r.Pipeline.Answer(ctx, answer.Question{Text: c.Question, Database: c.Database}, nil)
	o.Elapsed = time.Since(start)
	if e, ok := errors.AsType[*answer.Error](err); ok && modelsFault(e) {
		o.Reason = e.Code
		return o
	}
	if err != nil {
		o.Err = err
		return o
	}
	o.Answer = a
	switch {
	case a.Status == answer.Refused:
		o.Reason = refusal(a.Refusal)
	case a.Confidence == nil:
		o.Reason = string(a.Status)
	case !c.Unanswerable:
		o.Match, o.Reason, o.Err = r.compare(ctx, c, a.SQL)
	}
	return o
}

// modelsFault reports whether a model was asked and gave nothing of use. Every
// other error says nothing of the model.
func modelsFault(e *answer.Error) bool {
	switch e.Code {
	case "model_failed", "model_refused", "model_cut_off":
		return true
	}
	return false
}

// refusal is the code of what refused the SQL of an answer.
func refusal(err error) string {
	if e, ok := errors.AsType[*guard.Refusal](err); ok {
		return string(e.Code)
	}
	if e, ok := errors.AsType[*query.Error](err); ok {
		return e.Code
	}
	return string(answer.Refused)
}

// compare runs the golds and the SQL of an answer in one transaction, so that
// nothing changes in between. Whatever a user would not have got, because it
// fails or is cut off, is not right, and reason says why.
func (r *Runner) compare(ctx context.Context, c Case, sql string) (m Match, reason string, err error) {
	texts := make([]string, 0, len(c.Gold)+1)
	for _, g := range c.Gold {
		texts = append(texts, g.SQL)
	}
	statements := make([]guard.Statement, 0, len(c.Gold)+1)
	for _, text := range append(texts, sql) {
		s, err := r.Query.Check(ctx, c.Database, text)
		if err != nil {
			return m, "", fmt.Errorf("compare: %w", err)
		}
		statements = append(statements, s)
	}
	results, err := r.Query.RunTogether(ctx, statements)
	if e, ok := errors.AsType[*query.Error](err); ok && len(results) == len(c.Gold) && ctx.Err() == nil {
		return m, e.Code, nil
	}
	if err != nil {
		return m, "", fmt.Errorf("compare: %w", err)
	}
	last := results[len(results)-1]
	switch {
	case len(results) < len(statements):
		return m, "", errors.New("compare: the limits cut rows of the gold SQL off")
	case last.Truncated != "":
		return m, "cut_off", nil
	}
	m, err = Compare(results[:len(c.Gold)], last, c.Ordered)
	return m, "", err
}

// first is the first error that is not nil.
func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

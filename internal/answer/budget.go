package answer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pgmcp/pgmcp/internal/llm"
)

// errTimeUp is the cause of the end of a question's time.
var errTimeUp = errors.New("the question's time is up")

// limited is ctx for as long as one question may take.
func (p *Pipeline) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, time.Duration(p.config.Answers.Timeout), errTimeUp)
}

// timeUp reports whether ctx ended because the question took too long, and not
// because its caller left.
func timeUp(ctx context.Context) bool { return context.Cause(ctx) == errTimeUp }

// afford says which budget a request would go beyond, as an *[Error], before it
// is made.
func (p *Pipeline) afford(ctx context.Context, a *Answer, r llm.Request) error {
	limits := p.config.Answers
	size := requestTokens(r)
	switch {
	case timeUp(ctx):
		return p.tooLong()
	case a.ModelCalls >= limits.MaxModelCalls:
		return spent(fmt.Sprintf("answers.max_model_calls, %d, leaves no call for the stage %s", limits.MaxModelCalls, r.Stage))
	case a.spent+size > limits.MaxTokens:
		return spent(fmt.Sprintf("the stage %s needs about %d tokens, and answers.max_tokens leaves %d", r.Stage, size, max(limits.MaxTokens-a.spent, 0)))
	}
	return nil
}

// pay counts a request and its reply. Not every server says how many tokens those were.
func (a *Answer) pay(r llm.Request, s llm.Response) {
	a.Usage.Add(s.Usage)
	a.spent += max(s.Usage.Prompt, requestTokens(r)) + max(s.Usage.Completion, tokens(s.Content))
}

func requestTokens(r llm.Request) int {
	size := tokens(string(r.Schema))
	for _, m := range r.Messages {
		size += tokens(m.Content)
	}
	return size
}

func (p *Pipeline) tooLong() *Error {
	return spent(fmt.Sprintf("the question took longer than answers.timeout, %s", time.Duration(p.config.Answers.Timeout)))
}

const budgetExceeded = "budget_exceeded"

func spent(message string) *Error {
	return &Error{Code: budgetExceeded, Message: message, Hint: "ask for less at once, or raise the limit"}
}

func isSpent(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == budgetExceeded
}

package eval

import (
	"context"
	"errors"
	"sync"

	"github.com/pgmcp/pgmcp/internal/llm"
)

// Replies counts a model's replies by where they came from. Handwritten ones are
// no evidence of how good a model is. That it declined or was cut off is a reply.
type Replies struct {
	Live        int `json:"live"`
	Recorded    int `json:"recorded"`
	Handwritten int `json:"handwritten"`
}

// A Tally is a model whose replies are counted.
type Tally struct {
	model llm.Provider

	mu      sync.Mutex
	replies Replies
}

// NewTally counts the replies of model.
func NewTally(model llm.Provider) *Tally { return &Tally{model: model} }

// Complete asks the model.
func (t *Tally) Complete(ctx context.Context, r llm.Request) (llm.Response, error) {
	s, err := t.model.Complete(ctx, r)
	if e, ok := errors.AsType[*llm.Error](err); err != nil && s.Origin == "" && (!ok || !e.Lasting()) {
		return s, err // nobody has replied
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch s.Origin {
	case "":
		t.replies.Live++
	case llm.Handwritten:
		t.replies.Handwritten++
	default:
		t.replies.Recorded++
	}
	return s, err
}

// Replies are those so far.
func (t *Tally) Replies() Replies {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.replies
}

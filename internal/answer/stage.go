package answer

import (
	"context"

	"github.com/pgmcp/pgmcp/internal/observe"
)

// stages tell of each stage of a question as it begins, to who listens for
// progress and to the trace.
type stages struct {
	progress func(stage string)
	finish   func() // the stage that is under way
}

func newStages(progress func(string)) *stages {
	if progress == nil {
		progress = func(string) {}
	}
	return &stages{progress, func() {}}
}

// begin ends the stage before and begins another, which is what is done in the
// context that it returns.
func (s *stages) begin(ctx context.Context, name string) context.Context {
	s.finish()
	s.progress(name)
	ctx, s.finish = observe.Stage(ctx, name)
	return ctx
}

package llm

import (
	"context"
	"time"
)

// A Record asks another provider and keeps each answer as a golden one. Errors
// are not kept.
type Record struct {
	next Provider
	dir  string
}

// NewRecord returns a provider that asks next and keeps its answers in dir.
func NewRecord(next Provider, dir string) *Record { return &Record{next, dir} }

// Complete fails if the answer cannot be kept.
func (p *Record) Complete(ctx context.Context, r Request) (Response, error) {
	s, err := p.next.Complete(ctx, r)
	if err != nil {
		return s, err
	}
	_, err = Write(p.dir, r, s, "recorded "+time.Now().UTC().Format(time.DateOnly))
	return s, err
}

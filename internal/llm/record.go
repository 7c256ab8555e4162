package llm

import (
	"context"
	"fmt"
	"os"
	"time"
)

// A Record asks another provider and keeps each answer as a golden one. Errors
// are not kept.
type Record struct {
	next Provider
	dir  string
}

// NewRecord returns a provider that asks next and keeps its answers in dir,
// which is made if need be. That nothing can be written there is found out now,
// before a model is paid.
func NewRecord(next Provider, dir string) (*Record, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("record answers: %w", err)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return nil, fmt.Errorf("record answers: %w", err)
	}
	probe.Close()
	os.Remove(probe.Name())
	return &Record{next, dir}, nil
}

// Complete fails if the answer cannot be kept.
func (p *Record) Complete(ctx context.Context, r Request) (Response, error) {
	s, err := p.next.Complete(ctx, r)
	if err != nil {
		return s, err
	}
	_, err = Write(p.dir, r, s, "recorded "+time.Now().UTC().Format(time.DateOnly))
	return s, err
}

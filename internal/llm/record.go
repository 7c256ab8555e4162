package llm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pgmcp/pgmcp/internal/config"
)

// A Record asks another provider and keeps each answer as a golden one, and that
// the model declined or was cut off. Errors that may not come again are not kept.
type Record struct {
	next Provider
	dir  string
	key  string // which must be in no file; empty: there is none
}

// NewRecord returns a provider that asks next, c's model, and keeps its answers in
// dir, which is made if need be. That nothing can be written there is found out
// now, before a model is paid.
func NewRecord(next Provider, c *config.LLM, dir string) (*Record, error) {
	p := &Record{next: next, dir: dir}
	if c.APIKey != nil {
		var err error
		if p.key, err = c.APIKey.Reveal(); err != nil {
			return nil, fmt.Errorf("read llm.api_key: %w", err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("record answers: %w", err)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return nil, fmt.Errorf("record answers: %w", err)
	}
	probe.Close()
	os.Remove(probe.Name())
	return p, nil
}

// Complete fails if the answer cannot be kept.
func (p *Record) Complete(ctx context.Context, r Request) (Response, error) {
	s, err := p.next.Complete(ctx, r)
	e, ok := errors.AsType[*Error](err)
	if err != nil && (!ok || !e.Lasting()) {
		return s, err
	}
	g := newGolden(r, s, e, "recorded "+time.Now().UTC().Format(time.DateOnly))
	if p.key != "" && strings.Contains(g.request.Title+string(txtar.Format(g.archive())), p.key) {
		return s, errors.New("record answers: the model's key is in the question or the answer, which was not written")
	}
	if _, failed := g.write(p.dir); failed != nil {
		return s, failed
	}
	return s, err
}

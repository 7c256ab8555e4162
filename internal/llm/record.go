package llm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
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
	keys []string // which must be in no file
}

// NewRecord returns a provider that asks next, c's model, and keeps its answers in
// dir, which is made if need be. That nothing can be written there is found out
// now, before a model is paid.
func NewRecord(next Provider, c *config.LLM, dir string) (*Record, error) {
	p := &Record{next: next, dir: dir}
	keep := func(setting string, secret *config.Secret) error {
		if secret == nil {
			return nil
		}
		key, err := secret.Reveal()
		if err != nil {
			return fmt.Errorf("read %s: %w", setting, err)
		}
		p.keys = append(p.keys, key)
		return nil
	}
	if err := keep("llm.api_key", c.APIKey); err != nil {
		return nil, err
	}
	if c.Judge != nil {
		if err := keep("llm.judge.api_key", c.Judge.APIKey); err != nil {
			return nil, err
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
	text := g.request.Title + string(txtar.Format(g.archive()))
	if slices.ContainsFunc(p.keys, func(key string) bool { return strings.Contains(text, key) }) {
		return s, errors.New("record answers: the model's key is in the question or the answer, which was not written")
	}
	if _, failed := g.write(p.dir); failed != nil {
		return s, failed
	}
	return s, err
}

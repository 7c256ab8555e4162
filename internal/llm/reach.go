package llm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sashabaranov/go-openai"

	"github.com/pgmcp/pgmcp/internal/config"
)

// Reach finds out whether the servers of c's models answer, and take its keys. It
// asks for their lists of models, which costs no tokens; one that has none, but
// answers, is reached. Golden answers are always there.
func Reach(ctx context.Context, c *config.LLM) error {
	if c.Replay != "" {
		_, err := OpenReplay(c.Replay, nil)
		return err
	}
	writer, judge, err := openServers(c)
	if err == nil {
		err = writer.reach(ctx)
	}
	if err != nil || judge == nil {
		return err
	}
	if err := judge.reach(ctx); err != nil {
		return fmt.Errorf("llm.judge: %w", err)
	}
	return nil
}

const reachTimeout = 10 * time.Second

func (o *OpenAI) reach(ctx context.Context) error {
	patience := min(o.timeout, reachTimeout)
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := o.client.ListModels(limited)
	complaint, _ := errors.AsType[*openai.APIError](err)
	page, _ := errors.AsType[*openai.RequestError](err) // a complaint that is no JSON
	switch {
	case err == nil,
		complaint != nil && complaint.HTTPStatusCode == http.StatusNotFound,
		page != nil && page.HTTPStatusCode == http.StatusNotFound:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil:
		return &Error{Code: TimedOut, Message: fmt.Sprintf("the model's server at %s did not answer within %s", o.host, patience)}
	}
	return o.explain(err)
}

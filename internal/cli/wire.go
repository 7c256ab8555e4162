package cli

import (
	"context"
	"errors"
	"time"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/observe"
	"github.com/pgmcp/pgmcp/internal/postgres"
	"github.com/pgmcp/pgmcp/internal/query"
)

// A service is a configuration at work: all that serve, ask, sql and eval need.
type service struct {
	*observers
	chain       call.Chain
	databases   *postgres.Databases
	unwatch     func()
	model       llm.Provider
	calibration *answer.Calibration
	tools       *mcpserver.Tools
}

// open puts the parts together as cfg says. The model's replies are written to
// the folder record, if that is not empty. What former, which may be nil, has and
// cfg does not change goes on. The service is up to close or end from then on; the
// end of ctx does not end it, so that calls can be drained.
func (a *app) open(ctx context.Context, cfg *config.Config, record string, former *service) (_ *service, err error) {
	if record != "" && cfg.Answers.Date == "today" {
		return nil, errors.New(`replies to prompts that name today's date would be missed tomorrow: set answers.date to "none" or a date to record them`)
	}
	s := &service{}
	started, opened := time.Now(), (*postgres.Databases)(nil)
	var limited *call.Limits
	var resilient *call.Resilience
	if former != nil {
		s.observers, started, opened = former.observers, former.tools.Started, former.databases
		limited, resilient = former.tools.Limits, former.tools.Resilience
	} else if s.observers, err = openObservers(cfg.Observability, observe.NewLog(a.stderr, cfg.Observability.Log)); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && former == nil {
			s.observers.close()
		}
	}()
	limits := call.NewLimits(limitsOf(cfg), limited)
	resilience := call.NewResilience(dependencies(cfg.Resilience), limits, s.log.Logger, resilient)
	s.chain = call.New(append(s.layers(), call.Recover(s.log.Logger), call.Limit(limits), call.Resilient(resilience))...)
	if s.model, err = openModel(cfg.LLM, s.chain, record); err != nil {
		return nil, err
	}
	if s.calibration, err = answer.LoadCalibration(cfg); err != nil {
		return nil, err
	}
	if s.databases, err = opened.Reopen(ctx, cfg, resilience, s.spans, s.log.Logger); err != nil {
		return nil, err
	}
	if s.unwatch, err = s.watch(resilience); err != nil {
		s.databases.Close()
		return nil, err
	}
	runner := query.NewRunner(s.databases, s.chain)
	s.tools = &mcpserver.Tools{
		Databases:  s.databases,
		Runner:     runner,
		Pipeline:   answer.NewPipeline(cfg, s.databases, runner, s.model).Calibrated(s.calibration),
		Meter:      s.meter,
		Limits:     limits,
		Resilience: resilience,
		Version:    build().version,
		Started:    started,
	}
	return s, nil
}

// openModel is the model that c names, or nil for none, its replies written to
// the folder record if that is not empty.
func openModel(c *config.LLM, chain call.Chain, record string) (llm.Provider, error) {
	model, err := llm.New(c, chain, answer.Stale)
	switch {
	case err != nil || record == "":
		return model, err
	case model == nil || c.Replay != "":
		return nil, errors.New("the configuration names no model whose replies could be recorded")
	}
	return llm.NewRecord(model, c, record)
}

// close gives back what belongs to this configuration alone.
func (s *service) close() {
	s.unwatch()
	s.databases.Close()
}

// end gives back all that open took.
func (s *service) end() {
	s.close()
	s.observers.close()
}

// do takes f through the chain as the tool that an agent would call.
func do[T any](ctx context.Context, s *service, tool string, f func(context.Context) (*T, error)) (*T, error) {
	ctx = observe.Continue(ctx, "")
	out, err := call.Do(ctx, s.chain, call.Op{Kind: call.Tool, Name: tool}, f)
	if err == nil {
		return out, nil
	}
	reason := mcpserver.NewReason(err)
	reason.RequestID = observe.RequestID(ctx)
	if outcome, _ := mcpserver.Classify(reason); outcome == observe.Broken {
		reason.Hint = "the log above has it as request_id " + reason.RequestID
	}
	return nil, reason
}

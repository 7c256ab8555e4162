package cli

import (
	"context"
	"errors"
	"log/slog"
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
	log         *slog.Logger
	chain       call.Chain
	databases   *postgres.Databases
	model       llm.Provider
	calibration *answer.Calibration
	tools       *mcpserver.Tools
}

// open puts the parts together as cfg says. The model's replies are written to
// the folder record, if that is not empty. What former, which may be nil, has and
// cfg does not change goes on. The databases are up to close from then on; the end
// of ctx does not end them, so that calls can be drained.
func (a *app) open(ctx context.Context, cfg *config.Config, record string, former *service) (*service, error) {
	log := observe.NewLogger(a.stderr, cfg.Observability.Log)
	meter, started, opened := observe.NewMeter(), time.Now(), (*postgres.Databases)(nil)
	if former != nil {
		meter, started, opened = former.tools.Meter, former.tools.Started, former.databases
	}
	chain := call.New(
		observe.Trace(log, mcpserver.Classify),
		observe.Measure(meter, mcpserver.Classify),
		call.Recover(log),
	)
	if record != "" && cfg.Answers.Date == "today" {
		return nil, errors.New(`replies to prompts that name today's date would be missed tomorrow: set answers.date to "none" or a date to record them`)
	}
	model, err := openModel(cfg.LLM, chain, record)
	if err != nil {
		return nil, err
	}
	calibration, err := answer.LoadCalibration(cfg)
	if err != nil {
		return nil, err
	}
	databases, err := opened.Reopen(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	runner := query.NewRunner(databases, chain)
	return &service{log, chain, databases, model, calibration, &mcpserver.Tools{
		Databases: databases,
		Runner:    runner,
		Pipeline:  answer.NewPipeline(cfg, databases, runner, model).Calibrated(calibration),
		Meter:     meter,
		Version:   build().version,
		Started:   started,
	}}, nil
}

// openModel is the model that c names, or nil for none, its replies written to
// the folder record if that is not empty.
func openModel(c *config.LLM, chain call.Chain, record string) (llm.Provider, error) {
	if c != nil && c.Replay != "" {
		if err := answer.CheckGoldens(c.Replay); err != nil {
			return nil, err
		}
	}
	model, err := llm.New(c, chain)
	switch {
	case err != nil || record == "":
		return model, err
	case model == nil || c.Replay != "":
		return nil, errors.New("the configuration names no model whose replies could be recorded")
	}
	return llm.NewRecord(model, c, record)
}

// close gives back what open took.
func (s *service) close() { s.databases.Close() }

// do takes f through the chain as the tool that an agent would call.
func do[T any](ctx context.Context, s *service, tool string, f func(context.Context) (*T, error)) (*T, error) {
	var requestID string
	out, err := call.Do(ctx, s.chain, call.Op{Kind: call.Tool, Name: tool}, func(ctx context.Context) (*T, error) {
		requestID = observe.RequestID(ctx)
		return f(ctx)
	})
	if err == nil {
		return out, nil
	}
	reason := mcpserver.NewReason(err)
	if outcome, _ := mcpserver.Classify(reason); outcome == observe.Broken {
		reason.Hint = "the log above has it as request_id " + requestID
	}
	return nil, reason
}

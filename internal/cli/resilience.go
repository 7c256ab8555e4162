package cli

import (
	"time"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/query"
)

// limitsOf are the limits that cfg sets.
func limitsOf(cfg *config.Config) call.LimitSettings {
	r := cfg.Resilience
	s := call.LimitSettings{
		Rates: map[call.Key]call.Rate{
			{Kind: call.Statement}: call.Rate(r.Limits.Statement),
			{Kind: call.Model}:     call.Rate(r.Limits.Model),
		},
		Concurrency: map[call.Kind]int{
			call.Tool:      r.Concurrency.Tool,
			call.Statement: r.Concurrency.Statement,
			call.Model:     r.Concurrency.Model,
		},
		Client:      call.Rate(r.Limits.Client),
		Clients:     map[string]call.Rate{},
		ModelTokens: call.Rate(r.Limits.ModelTokens),
	}
	for tool, rate := range r.Limits.Tools {
		s.Rates[call.Key{Kind: call.Tool, Name: tool}] = call.Rate(rate)
	}
	for name, db := range cfg.Databases {
		if db.Limit != nil {
			s.Rates[call.Key{Kind: call.Statement, Name: name}] = call.Rate(*db.Limit)
		}
	}
	for name, token := range cfg.Server.Tokens {
		if token.Limit != nil {
			s.Clients[name] = call.Rate(*token.Limit)
		}
	}
	return s
}

// dependencies are how statements and requests to models are retried, and when
// what they need is given up on.
func dependencies(r config.Resilience) map[call.Kind]call.Dependency {
	retry := func(r config.Retry) call.Retry {
		return call.Retry{Attempts: r.MaxAttempts, BaseDelay: time.Duration(r.BaseDelay), MaxDelay: time.Duration(r.MaxDelay)}
	}
	database, model := r.Breaker.Database, r.Breaker.Model
	return map[call.Kind]call.Dependency{
		call.Statement: {
			Read:  query.Ending,
			Retry: retry(r.Retry.Statement),
			Breaker: call.BreakerSettings{
				Failures: database.Failures,
				Delay:    time.Duration(database.Delay),
				Probes:   database.Probes,
				Slow:     time.Duration(database.Slow),
			},
		},
		call.Model: {
			Read:    llm.Ending,
			Retry:   retry(r.Retry.Model),
			Breaker: call.BreakerSettings{Failures: model.Failures, Delay: time.Duration(model.Delay), Probes: model.Probes},
		},
	}
}

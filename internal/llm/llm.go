// Package llm asks a language model for one completion at a time: an
// OpenAI-compatible server, a folder of golden answers, or the one recorded into
// the other. It knows nothing of SQL; package answer writes the prompts.
package llm

import (
	"context"
	"encoding/json"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
)

// A Request is all that a completion depends on, and so all that a golden
// answer is keyed by. It holds nothing that changes between two equal questions.
type Request struct {
	Stage    string          `json:"stage"` // "generate", "repair" or "judge"; on the wire, the name of Schema
	Model    string          `json:"model"`
	Messages []Message       `json:"messages"`
	Schema   json.RawMessage `json:"schema"` // the JSON Schema that the reply must fit

	// Sample is how many equal requests the same question has made before. It is
	// not sent: it keeps their golden answers apart.
	Sample int `json:"sample,omitempty"`

	// Title names the request for people, such as by the question. It is sent
	// to nobody and is no part of what a golden answer is keyed by.
	Title string `json:"-"`
}

// StageJudge is the stage in which answers are examined, which may be another
// server's work.
const StageJudge = "judge"

// A Message is one turn of the conversation.
type Message struct {
	Role    string `json:"role"` // "system" or "user"
	Content string `json:"content"`
}

// A Response is what the model said.
type Response struct {
	Content string // JSON that should fit the request's Schema; callers check
	Usage   Usage
	Origin  string // of a golden answer: [Handwritten] or "recorded DATE"; empty: a model was asked
}

// Usage counts tokens.
type Usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Cached     int `json:"cached_tokens,omitempty"` // of the prompt
}

// Add counts the tokens of another completion in.
func (u *Usage) Add(v Usage) {
	u.Prompt += v.Prompt
	u.Completion += v.Completion
	u.Cached += v.Cached
}

// A Provider completes requests. Its errors are an *[Error], a *[StatusError]
// or the context's. A response beside an error has the usage of what is no
// completion, such as a refusal.
type Provider interface {
	Complete(context.Context, Request) (Response, error)
}

// New returns the provider that c describes: golden answers where it names a
// folder of them, of which stale thinks as in [OpenReplay], else its server. Every request goes through chain, named by
// its model and by its server's host. A nil c gives a nil Provider: no model is
// configured.
func New(c *config.LLM, chain call.Chain, stale func(Request) string) (Provider, error) {
	switch {
	case c == nil:
		return nil, nil
	case c.Replay != "":
		goldens, err := OpenReplay(c.Replay, stale)
		if err != nil {
			return nil, err
		}
		return chained{goldens, chain, "", c.Prices}, nil
	}
	writer, judge, err := openServers(c)
	switch {
	case err != nil:
		return nil, err
	case judge == nil:
		return chained{writer, chain, writer.host, c.Prices}, nil
	}
	return split{chained{writer, chain, writer.host, c.Prices}, chained{judge, chain, judge.host, c.Prices}}, nil
}

// split has one server examine what another wrote.
type split struct{ writer, judge Provider }

func (p split) Complete(ctx context.Context, r Request) (Response, error) {
	if r.Stage == StageJudge {
		return p.judge.Complete(ctx, r)
	}
	return p.writer.Complete(ctx, r)
}

// chained takes each request through the one chain.
type chained struct {
	next   Provider
	chain  call.Chain
	server string
	prices map[string]config.Price
}

func (p chained) Complete(ctx context.Context, r Request) (Response, error) {
	op := call.Op{Kind: call.Model, Name: r.Model, Server: p.server}
	return call.Do(ctx, p.chain, op, func(ctx context.Context) (Response, error) {
		response, err := p.next.Complete(ctx, r)
		facts := call.FactsOf(ctx)
		facts.TokensIn += response.Usage.Prompt // to those of earlier attempts
		facts.TokensOut += response.Usage.Completion
		price := p.prices[r.Model]
		facts.Cost += (float64(response.Usage.Prompt)*price.Input + float64(response.Usage.Completion)*price.Output) / 1e6
		return response, err
	})
}

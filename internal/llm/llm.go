// Package llm asks a language model for one completion at a time: an
// OpenAI-compatible server, a folder of golden answers, or the one recorded into
// the other. It knows nothing of SQL; package answer writes the prompts.
package llm

import (
	"context"
	"encoding/json"
)

// A Request is all that a completion depends on, and so all that a golden
// answer is keyed by. It holds nothing that changes between two equal questions.
type Request struct {
	Stage    string          `json:"stage"` // "generate" or "judge"
	Model    string          `json:"model"`
	Messages []Message       `json:"messages"`
	Schema   json.RawMessage `json:"schema"` // the JSON Schema that the reply must fit
}

// A Message is one turn of the conversation.
type Message struct {
	Role    string `json:"role"` // "system" or "user"
	Content string `json:"content"`
}

// A Response is what the model said.
type Response struct {
	Content string `json:"content"` // JSON that should fit the request's Schema; callers check
	Usage   Usage  `json:"usage"`
}

// Usage counts tokens.
type Usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Cached     int `json:"cached_tokens,omitempty"` // of the prompt
}

// A Provider completes requests.
type Provider interface {
	Complete(context.Context, Request) (Response, error)
}

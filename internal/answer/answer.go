// Package answer turns a question into an answer: it shows a model the catalog,
// has it write SQL, has that checked, planned and run, has the result examined,
// and computes a confidence. Below the threshold it withholds the rows. Its only
// way to a database is package query.
package answer

import (
	"context"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/query"
)

// A Question is what was asked.
type Question struct {
	Text     string
	Database string // may be empty where only one is served
}

// Status is how a question ended.
type Status string

// The ways in which a question ends.
const (
	Answered      Status = "answered"
	LowConfidence Status = "low_confidence" // rows withheld, or flagged where so configured
	Clarify       Status = "clarify"        // the question has several readings; Message asks back
	Unanswerable  Status = "unanswerable"   // this database cannot answer it; Message says why
)

// An Answer is what became of a question.
type Answer struct {
	Status      Status        `json:"status"`
	Database    string        `json:"database"`
	Message     string        `json:"message,omitempty"` // the question back, or what is missing
	SQL         string        `json:"sql,omitempty"`
	Reading     string        `json:"reading,omitempty"` // what the SQL answers, in the judge's words
	Confidence  Confidence    `json:"confidence"`
	Assumptions []string      `json:"assumptions,omitempty"`
	Result      *query.Result `json:"result,omitempty"` // nil when withheld
	ModelCalls  int           `json:"model_calls"`
	Usage       llm.Usage     `json:"usage"`
}

// A Confidence is how far an answer can be trusted.
type Confidence struct {
	Score   float64  `json:"score"` // 0 to 1
	Label   string   `json:"label"` // "uncalibrated"
	Reasons []string `json:"reasons"`
}

// A Pipeline answers questions.
type Pipeline struct {
	runner *query.Runner
	model  llm.Provider
	config *config.Config
}

// NewPipeline returns a pipeline that asks model and runs SQL through runner. A
// nil model means that none is configured: every question is then an
// *[Error] that says so.
func NewPipeline(c *config.Config, runner *query.Runner, model llm.Provider) *Pipeline {
	return &Pipeline{runner: runner, model: model, config: c}
}

// Answer answers q. Progress, if not nil, hears the name of each stage as it starts.
func (p *Pipeline) Answer(ctx context.Context, q Question, progress func(stage string)) (*Answer, error) {
	panic("answer.Answer: not written")
}

// An Error is why a question could not be taken up.
type Error struct {
	Code    string `json:"code"` // "question_too_long", "no_model", "model_failed", ...
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// Package answer turns a question into an answer: it shows a model the catalog,
// has it write SQL, has that checked, planned and run, has the result examined,
// and computes a confidence. Below the threshold it withholds the rows. Its only
// way to a database is package query.
//
// What a model says is never believed: SQL goes through the guard, replies are
// held against their schema, and the confidence is computed here, from a rubric
// and from what the statement does and the result looks like.
//
// The stages, of which generate, repair and judge ask a model:
//
//   - context: what a model is shown of the database, within a budget
//     (context.go, tables.go, values.go), and the values that the question names
//     (ground.go, lookup.go);
//   - generate: SQL, a question back, or why there is no answer (generate.go);
//   - check, plan and run, as for any statement (pipeline.go);
//   - repair: SQL anew, from what was wrong with the last (repair.go), or from what
//     its result lacks (weak.go);
//   - judge: a second look at the answer (judge.go, sample.go).
//
// Checks without a model (checks.go) and the verdict make the confidence
// (confidence.go), which a calibration makes a probability of (calibration.go).
// budget.go bounds what all of it may cost.
package answer

import (
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
	Refused       Status = "refused"        // the guard or PostgreSQL would not have the model's SQL; Refusal says why
)

// Statuses are those that callers see: of a question that was refused they get the
// refusal.
func Statuses() []Status {
	return []Status{Answered, LowConfidence, Clarify, Unanswerable}
}

// An Answer is what became of a question.
type Answer struct {
	Status      Status        `json:"status"`
	Database    string        `json:"database"`
	Message     string        `json:"message,omitempty"` // the question back, or what is missing
	SQL         string        `json:"sql,omitempty"`
	Reading     string        `json:"reading,omitempty"`    // what the SQL answers, in the judge's words
	Confidence  *Confidence   `json:"confidence,omitempty"` // nil unless the SQL ran
	Refusal     error         `json:"-"`                    // a *guard.Refusal or *query.Error; nil unless refused
	Assumptions []string      `json:"assumptions,omitempty"`
	Notes       []string      `json:"notes,omitempty"`    // what else to know, such as tables that the model was not shown
	Flags       []string      `json:"flags,omitempty"`    // the checks that found something, by their names in answers.checks; the reasons are the confidence's
	Attempts    []Attempt     `json:"attempts,omitempty"` // other SQL that was tried, in order
	Result      *query.Result `json:"result,omitempty"`   // nil when withheld
	Verified    string        `json:"verified,omitempty"` // the name of the verified query that it is of
	Cached      bool          `json:"cached,omitempty"`   // no model was asked: what it said before was remembered
	ModelCalls  int           `json:"model_calls"`
	Usage       llm.Usage     `json:"usage"`

	spent int // tokens, those estimated that no server has counted
	talk  conversation
}

// Source is where the SQL of the answer came from: "verified", "cache" or "model".
func (a *Answer) Source() string {
	switch {
	case a.Verified != "":
		return "verified"
	case a.Cached:
		return "cache"
	}
	return "model"
}

// A Confidence is how far an answer can be trusted.
type Confidence struct {
	Score   float64  `json:"score"` // 0 to 1, to three digits
	Label   string   `json:"label"` // "uncalibrated": hand-set weights, no probability; "calibrated"; "verified": the operator vouches for the SQL
	Reasons []string `json:"reasons"`

	// What Score is made of, for calibration: the log-odds that the doubts
	// leave, and the lowest of their caps.
	LogOdds float64 `json:"-"`
	Ceiling float64 `json:"-"`
}

// An Attempt is SQL that was refused or failed, or that found nothing where other
// SQL may find something, and why.
type Attempt struct {
	SQL     string `json:"sql"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// An Error is why a question could not be taken up, or a model not be asked.
type Error struct {
	Code    string // "question_empty", "question_too_long", "no_model", "budget_exceeded", "model_busy", "model_failed" or one of package llm's
	Message string
	Hint    string

	cause error
}

func (e *Error) Error() string { return e.Message }

// Unwrap is the error of package llm, if the model's provider gave one.
func (e *Error) Unwrap() error { return e.cause }

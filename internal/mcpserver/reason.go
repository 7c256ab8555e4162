package mcpserver

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/audit"
	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/observe"
	"github.com/pgmcp/pgmcp/internal/postgres"
	"github.com/pgmcp/pgmcp/internal/query"
)

// A Reason is why a call gave nothing, in the form that models and people get.
type Reason struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	Position int    `json:"position,omitempty"` // in characters from 1; 0: none
	Hint     string `json:"hint,omitempty"`
	SQL      string `json:"sql,omitempty"` // what Position points into, where a model wrote it

	// RetryAfter is after how many seconds it is worth another try; 0: not for
	// waiting alone, or nobody knows.
	RetryAfter float64 `json:"retry_after,omitempty"`

	Notes    []string         `json:"notes,omitempty"`    // what else to know, such as tables that the model was not shown
	Attempts []answer.Attempt `json:"attempts,omitempty"` // a model's SQL before that, refused too

	RequestID string `json:"request_id,omitempty"` // by which logs, spans and the audit know the call

	outcome observe.Outcome
}

// Error is "refused: CODE: message", or "error: …" where something failed.
func (r *Reason) Error() string {
	word := "error"
	switch r.outcome {
	case observe.Refused, observe.Limited, observe.Open:
		word = "refused"
	}
	return fmt.Sprintf("%s: %s: %s", word, r.Code, r.Message)
}

// Text is the reason in lines for a model.
func (r *Reason) Text() string {
	var b strings.Builder
	b.WriteString(r.Error())
	if r.Position > 0 {
		fmt.Fprintf(&b, " (at character %d)", r.Position)
	}
	if r.Hint != "" {
		b.WriteString("\nhint: " + r.Hint)
	}
	for _, note := range r.Notes {
		b.WriteString("\nnote: " + note)
	}
	if r.SQL != "" {
		b.WriteString("\nsql: " + r.SQL)
	}
	return b.String()
}

// NewReason is the reason that err gives. What it does not know is an internal
// error, whose text nobody but the log sees.
func NewReason(err error) *Reason {
	if r, ok := errors.AsType[*Reason](err); ok {
		return r
	}
	if e, ok := errors.AsType[*call.LimitError](err); ok {
		code := "rate_limited"
		if e.Busy {
			code = "too_busy"
		}
		after := seconds(e.RetryAfter)
		return &Reason{Code: code, Message: e.Error(), Hint: fmt.Sprintf("try again in %gs", after), RetryAfter: after, outcome: observe.Limited}
	}
	if e, ok := errors.AsType[*call.OpenError](err); ok {
		after := seconds(e.RetryAfter)
		hint := fmt.Sprintf("it fails again and again and is not asked for a while: try again in %gs", after)
		return &Reason{Code: "breaker_open", Message: e.Error(), Hint: hint, RetryAfter: after, outcome: observe.Open}
	}
	if e, ok := errors.AsType[*guard.Refusal](err); ok && e.Code != guard.Internal {
		return &Reason{Code: string(e.Code), Message: e.Message, Position: e.Position, Hint: e.Hint, outcome: observe.Refused}
	}
	if e, ok := errors.AsType[*query.Error](err); ok {
		return &Reason{Code: e.Code, Message: e.Message, Position: e.Position, Hint: e.Hint, outcome: outcome(e.Code)}
	}
	if e, ok := errors.AsType[*answer.Error](err); ok {
		reason := &Reason{Code: e.Code, Message: e.Message, Hint: e.Hint, outcome: outcome(e.Code)}
		if busy, ok := errors.AsType[*llm.StatusError](err); ok {
			reason.RetryAfter = seconds(busy.RetryAfter)
		}
		return reason
	}
	if e, ok := errors.AsType[*postgres.UnknownDatabase](err); ok {
		code := "unknown_database"
		if e.Name == "" {
			code = "database_required"
		}
		return &Reason{Code: code, Message: e.Error(), Hint: e.Hint(), outcome: observe.Refused}
	}
	if e, ok := errors.AsType[*postgres.Unavailable](err); ok {
		return &Reason{Code: "database_unavailable", Message: e.Error(), Hint: e.Hint(), outcome: observe.Failed}
	}
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return &Reason{Code: string(e.Code), Message: e.Message, outcome: outcome(string(e.Code))}
	}
	if e, ok := errors.AsType[*llm.StatusError](err); ok {
		return &Reason{Code: "model_busy", Message: e.Error(), Hint: "try again later", RetryAfter: seconds(e.RetryAfter), outcome: observe.Failed}
	}
	if _, ok := errors.AsType[*audit.Error](err); ok {
		return &Reason{Code: "audit_failed", Message: "the call could not be put on record, so nothing of it is given out", Hint: "try again later; the operator finds the cause in the log", outcome: observe.Failed}
	}
	switch {
	case errors.Is(err, errStopping):
		return &Reason{Code: "shutting_down", Message: err.Error(), Hint: "try again soon", outcome: observe.Cancelled}
	case errors.Is(err, context.DeadlineExceeded):
		return &Reason{Code: "timeout", Message: "the call took too long", outcome: observe.Timeout}
	case errors.Is(err, context.Canceled):
		return &Reason{Code: "cancelled", Message: "the call was cancelled", outcome: observe.Cancelled}
	}
	return &Reason{Code: "internal_error", Message: "internal error", Hint: "the operator finds it in the log by this call's request_id", outcome: observe.Broken}
}

// seconds is d in seconds, rounded up to a tenth: who waits so long is not too early.
func seconds(d time.Duration) float64 {
	return math.Ceil(d.Seconds()*10) / 10
}

// Classify says how an operation of pgmcp ended, and with which code.
func Classify(err error) (observe.Outcome, string) {
	if err == nil {
		return observe.OK, ""
	}
	r := NewReason(err)
	return r.outcome, r.Code
}

// outcome is the outcome of an error by the code it brings.
func outcome(code string) observe.Outcome {
	switch code {
	case query.Timeout, string(llm.TimedOut):
		return observe.Timeout
	case query.Cancelled:
		return observe.Cancelled
	case query.TooExpensive, "question_empty", "question_too_long", "no_model":
		return observe.Refused
	}
	return observe.Failed
}

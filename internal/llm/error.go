package llm

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/pgmcp/pgmcp/internal/call"
)

// A Code is a stable reason for which there is no completion.
type Code string

// The codes of errors.
const (
	Unreachable Code = "model_unreachable" // no connection, or it broke
	TimedOut    Code = "model_timeout"     // no answer within the configured time
	Rejected    Code = "model_rejected"    // the server will not have the request: its key, model or form
	Refused     Code = "model_refused"     // the model declined to answer
	CutOff      Code = "model_cut_off"     // the model's answer was cut at its token limit
	Malformed   Code = "model_malformed"   // the server's answer is no completion
	NoGolden    Code = "no_golden_answer"  // no golden answer for the request
)

// An Error is why there is no completion. Its text holds no key.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`

	unsent bool // nothing of the request has left
}

func (e *Error) Error() string { return e.Message }

// Lasting reports whether the model itself did not complete the request: it
// declined, was filtered or was cut off, and would be again. What its server or
// the way there did is no answer to the request.
func (e *Error) Lasting() bool { return e.Code == Refused || e.Code == CutOff }

// Ending is what the error of a request means for the model's server, and whether
// to ask again. Whoever is asked too often works, but a probe finds out nothing.
func Ending(err error) call.Ending {
	if e, ok := errors.AsType[*StatusError](err); ok {
		end := call.Ending{Again: true, After: e.RetryAfter}
		if e.Code != http.StatusTooManyRequests {
			end.Sign = call.Fails
		}
		return end
	}
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return call.Ending{}
	case e.Code == Unreachable, e.Code == TimedOut:
		return call.Ending{Sign: call.Fails, Again: e.unsent}
	}
	return call.Ending{Sign: call.Works}
}

// A StatusError is a server that is busy or broken: status 429 or 5xx. The same
// request may succeed later.
type StatusError struct {
	Code       int
	RetryAfter time.Duration // what the server asked to wait; 0: it said nothing
}

func (e *StatusError) Error() string {
	if e.RetryAfter > 0 {
		return fmt.Sprintf("the model's server answered with status %d and asks to wait %s", e.Code, e.RetryAfter)
	}
	return fmt.Sprintf("the model's server answered with status %d", e.Code)
}

// Package observe is what pgmcp says of itself: the log, the request ID, metrics
// and spans of operations, each fed by a layer of the one chain. It decides nothing.
package observe

import (
	"context"
	"log/slog"
	"time"

	"github.com/pgmcp/pgmcp/internal/call"
)

// Outcome is how an operation ended, in one word.
type Outcome string

// The ways in which an operation ends.
const (
	OK        Outcome = "ok"
	Refused   Outcome = "refused"   // by a rule or a limit of what may be asked, or misused
	Limited   Outcome = "limited"   // it came too soon, or beside too many others
	Open      Outcome = "open"      // what it needs keeps failing and was not asked
	Cancelled Outcome = "cancelled" // the caller left, or pgmcp is stopping
	Timeout   Outcome = "timeout"
	Failed    Outcome = "error"    // a database, a model or a statement failed
	Broken    Outcome = "internal" // pgmcp itself failed
)

// Classify says how an operation with this error ended, and the error's stable
// code; nil is [OK] and "". It is a parameter because the errors of an operation
// belong to packages above this one.
type Classify func(error) (Outcome, string)

// Trace gives an operation a request ID, unless ctx has one already, and logs
// how it ended: tool calls at level info, what they are made of at debug,
// failures as warnings and errors. The text of an error can quote a statement,
// so it is logged at debug only, but for errors of pgmcp itself.
func Trace(log *slog.Logger, classify Classify) call.Layer {
	return func(next call.Handler) call.Handler {
		return func(ctx context.Context, op call.Op) error {
			if RequestID(ctx) == "" {
				ctx = WithRequestID(ctx, newRequestID())
			}
			start := time.Now()
			err := next(ctx, op)
			outcome, code := classify(err)

			level := slog.LevelDebug
			switch {
			case outcome == Broken:
				level = slog.LevelError
			case outcome == Failed, outcome == Timeout:
				level = slog.LevelWarn
			case op.Kind == call.Tool:
				level = slog.LevelInfo
			}
			if !log.Enabled(ctx, level) {
				return err
			}
			attrs := []slog.Attr{
				slog.String("kind", string(op.Kind)),
				slog.String("name", op.Name),
				slog.String("outcome", string(outcome)),
				slog.Float64("duration_ms", float64(time.Since(start).Microseconds())/1000),
			}
			if code != "" {
				attrs = append(attrs, slog.String("code", code))
			}
			if err != nil && (outcome == Broken || log.Enabled(ctx, slog.LevelDebug)) {
				attrs = append(attrs, slog.String("error", err.Error()))
			}
			log.LogAttrs(ctx, level, "operation", attrs...)
			return err
		}
	}
}

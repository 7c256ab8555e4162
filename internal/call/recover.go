package call

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// Recover turns a panic into the error "internal error", so that one bad
// operation does not end the process. The value and the stack go to log only:
// callers may be strangers.
func Recover(log *slog.Logger) Layer {
	return func(next Handler) Handler {
		return func(ctx context.Context, op Op) (err error) {
			defer func() {
				if p := recover(); p != nil {
					log.ErrorContext(ctx, "panic",
						"kind", op.Kind, "name", op.Name, "value", fmt.Sprint(p), "stack", string(debug.Stack()))
					err = errors.New("internal error")
				}
			}()
			return next(ctx, op)
		}
	}
}

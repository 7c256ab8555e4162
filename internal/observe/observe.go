// Package observe is what pgmcp says of itself: the logger, the request ID and
// counts of operations, each fed by a layer of the one chain. It decides nothing.
package observe

import (
	"context"
	"io"
	"log/slog"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
)

// NewLogger returns a logger that writes to w as c says.
func NewLogger(w io.Writer, c config.Log) *slog.Logger { panic("observe.NewLogger: not written") }

// Trace gives an operation a request ID, unless an outer one has made it, and
// logs how it ended.
func Trace(log *slog.Logger) call.Layer { panic("observe.Trace: not written") }

// RequestID is the ID of the operation that ctx belongs to: 32 hex digits, or "".
func RequestID(ctx context.Context) string { panic("observe.RequestID: not written") }

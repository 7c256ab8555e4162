package observe

import (
	"context"
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/pgmcp/pgmcp/internal/config"
)

// NewLogger returns a logger that writes to w as c says. Each record holds the
// request ID of its context.
func NewLogger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level // info, for an empty c
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" || c.Format == "auto" && IsTerminal(w) {
		return slog.New(&contextHandler{slog.NewTextHandler(w, options)})
	}
	return slog.New(&contextHandler{slog.NewJSONHandler(w, options)})
}

// IsTerminal reports whether a person looks at w.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// contextHandler adds what the context knows to each record.
type contextHandler struct{ slog.Handler }

func (h *contextHandler) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h *contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &contextHandler{h.Handler.WithAttrs(attrs)}
}

func (h *contextHandler) WithGroup(name string) slog.Handler {
	return &contextHandler{h.Handler.WithGroup(name)}
}

package observe

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"github.com/pgmcp/pgmcp/internal/config"
)

// A Log is where all loggers of a process write. What is logged, and how, can
// change while they are in use: they follow, whenever they were made.
type Log struct {
	*slog.Logger
	terminal bool
	level    slog.LevelVar
	text     atomic.Bool
	quiet    atomic.Bool
}

// Quiet is the level of commands that say themselves how they ended: errors, and
// nothing else. No configuration can name it.
const Quiet = "quiet"

// NewLog returns a log that writes to w as c says. Each record holds the request
// ID of its context.
func NewLog(w io.Writer, c config.Log) *Log {
	l := &Log{terminal: IsTerminal(w)}
	options := &slog.HandlerOptions{Level: &l.level}
	l.Logger = slog.New(&handler{l, slog.NewTextHandler(w, options), slog.NewJSONHandler(w, options)})
	l.Set(c)
	return l
}

// Set has the log be as c says from now on.
func (l *Log) Set(c config.Log) {
	var level slog.Level // info, for an empty c
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	if c.Level == Quiet {
		level = slog.LevelError
	}
	l.quiet.Store(c.Level == Quiet)
	l.level.Set(level)
	l.text.Store(c.Format == "text" || c.Format == "auto" && l.terminal)
}

// Always logs a record of level info whatever level is logged, [Quiet] excepted:
// what has to be on record elsewhere.
func Always(log *slog.Logger, message string, args ...any) {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, message, 0)
	r.Add(args...)
	_ = log.Handler().Handle(context.Background(), r) // asks for no level
}

// IsTerminal reports whether a person looks at w.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// A handler writes in the log's form of now, and adds what the context knows to
// each record.
type handler struct {
	log        *Log
	text, json slog.Handler
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.log.level.Level()
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if h.log.quiet.Load() && r.Level < slog.LevelError {
		return nil
	}
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	if h.log.text.Load() {
		return h.text.Handle(ctx, r)
	}
	return h.json.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.log, h.text.WithAttrs(attrs), h.json.WithAttrs(attrs)}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.log, h.text.WithGroup(name), h.json.WithGroup(name)}
}

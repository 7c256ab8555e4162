// Package audit keeps the record of what was done and what was refused: one JSON
// line an operation, at the end of a file that is never rewritten. It judges
// nothing, and holds no row of any result.
//
// Each line holds the hash of the one before, and the first line of a file that
// of the last line of the file before it, so that a line which is changed, removed
// or moved breaks the chain. The end of the chain is its head. Where the head was
// put on record elsewhere, as the log and the metrics do at each rotation and
// stop, [Verify] also finds that the end was cut off.
package audit

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/observe"
)

// A Log is the writer of the record: one in the whole system for one file. It is
// safe for concurrent use.
type Log struct {
	config config.Audit
	print  func(sql string) string
	log    *slog.Logger

	syncing sync.Mutex // before mu
	mu      sync.Mutex
	file    *file
	stuck   time.Time // when the newest attempt to rotate failed
	synced  int64     // the newest line that is on the disk
	lost    int64     // operations since the newest line of which none could be written
	missed  int64     // all of these
	marked  Mark
}

// A Mark is a place in the chain.
type Mark struct {
	Seq  int64  // the number of a line
	Head string // its hash
}

// An Error is the error of an operation that could not be put on record, where it
// has to be.
type Error struct{ Err error }

func (e *Error) Error() string { return "the operation could not be put on record" }
func (e *Error) Unwrap() error { return e.Err }

// Open opens the record that c names and goes on where it ended. It fails if
// another process writes it, or if it is damaged; a last line that was not
// written to its end, as when the machine stopped, is taken away first.
//
// Print gives the fingerprint of a statement. Log hears of heads and of failures.
func Open(c config.Audit, print func(sql string) string, log *slog.Logger) (*Log, error) {
	f, err := openFile(c.File, c.Required, log)
	if err != nil {
		return nil, err
	}
	l := &Log{config: c, print: print, log: log.With("audit", c.File), file: f, synced: f.chain.seq}
	if err := l.Append(Line{Kind: "audit", Name: "start"}); err != nil && c.Required {
		f.close()
		return nil, err
	}
	l.marked = Mark{f.chain.seq, f.chain.head}
	return l, nil
}

// Layer puts every operation on record once it has ended, whatever became of it,
// and before its caller gets anything. Where the record is required, an operation
// that could not be written ends with an *[Error] instead.
func (l *Log) Layer(classify observe.Classify) call.Layer {
	return func(next call.Handler) call.Handler {
		return func(ctx context.Context, op call.Op) error {
			start := time.Now()
			err := next(ctx, op)
			line := l.line(ctx, op)
			outcome, code := classify(err)
			line.Outcome, line.Code = string(outcome), code
			line.Duration = float64(time.Since(start).Microseconds()) / 1000
			if failed := l.Append(line); failed != nil && l.config.Required {
				return &Error{failed}
			}
			return err
		}
	}
}

// retryRotation is how long a file that cannot be rotated is written on until that
// is tried again.
const retryRotation = time.Minute

// longest bounds a principal, which can be a name that a client gives itself.
const longest = 200

func (l *Log) line(ctx context.Context, op call.Op) Line {
	f := call.FactsOf(ctx)
	principal := call.Principal(ctx)
	line := Line{
		Kind:       string(op.Kind),
		Name:       op.Name,
		RequestID:  observe.RequestID(ctx),
		Principal:  principal[:min(len(principal), longest)],
		Database:   f.Database,
		Planned:    f.Planned,
		Tables:     f.Tables,
		Columns:    f.Columns,
		Rows:       f.Rows,
		Status:     f.Status,
		Source:     f.Source,
		Confidence: f.Score,
		TokensIn:   f.TokensIn,
		TokensOut:  f.TokensOut,
	}
	if f.SQL != "" {
		line.Fingerprint = l.print(f.SQL)
	}
	if l.config.Text {
		line.SQL, line.Question = f.SQL, f.Question
	}
	return line
}

// Append writes a line. Where the record is required it is on the disk when
// Append returns, one sync serving all who wait; else it is with the operating
// system, which keeps it if only the process dies.
func (l *Log) Append(line Line) error {
	seq, err := l.write(line)
	if err != nil || !l.config.Required {
		return err
	}
	return l.sync(seq)
}

func (l *Log) write(line Line) (seq int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file.size > 0 && l.file.size >= int64(l.config.MaxSize) && time.Since(l.stuck) >= retryRotation {
		_ = l.rotate() // it has been said, and the file that there is will do
	}
	return l.put(line)
}

// put writes a line at the end of the file.
func (l *Log) put(line Line) (seq int64, err error) {
	line.Time, line.Lost = time.Now().UTC(), l.lost
	if err := l.file.append(line); err != nil {
		if l.lost == 0 {
			l.log.Error("audit cannot be written", "error", err)
		}
		l.lost++
		l.missed++
		return 0, err
	}
	if l.lost > 0 {
		l.log.Warn("audit can be written again", "lost", l.lost)
		l.lost = 0
	}
	return l.file.chain.seq, nil
}

// sync waits until a line is on the disk.
func (l *Log) sync(seq int64) error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.mu.Lock()
	f, newest, done := *l.file, l.file.chain.seq, l.synced >= seq
	l.mu.Unlock()
	if done {
		return nil
	}
	err := f.sync()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.synced >= seq { // a rotation did it meanwhile
		return nil
	}
	if err != nil {
		l.log.Error("audit cannot be synced", "error", err)
		return err
	}
	l.synced, l.file.named = newest, f.named
	return nil
}

// Rotate ends the file and begins another, which goes on with the chain. If that
// is not possible the file stays as it is. No line is lost either way.
func (l *Log) Rotate() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rotate()
}

func (l *Log) rotate() error {
	moved, err := l.file.rotate()
	if err != nil {
		l.stuck = time.Now()
		l.log.Error("audit cannot be rotated", "error", err)
		return err
	}
	l.stuck, l.synced = time.Time{}, l.file.chain.seq
	l.mark(moved)
	// So that the chain is not lost with the files before, should they be moved away.
	_, err = l.put(Line{Kind: "audit", Name: "rotate"})
	return err
}

// Close writes the last line, makes sure that all are on the disk and gives the
// file up. Lines after it are an error.
func (l *Log) Close() error {
	err := l.Append(Line{Kind: "audit", Name: "stop"})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mark(l.config.File)
	if failed := l.file.close(); failed != nil {
		return failed
	}
	return err
}

// mark puts the head on record elsewhere. File is the one that ends with it, or
// before it.
func (l *Log) mark(file string) {
	l.marked = Mark{l.file.chain.seq, l.file.chain.head}
	observe.Always(l.log, "audit head", "file", file, "line", l.marked.Seq, "head", l.marked.Head)
}

// Newest is the number of the newest line, and of the operations since the start
// of which no line could be written.
func (l *Log) Newest() (seq, missed int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.chain.seq, l.missed
}

// Marked is the head as of the start, the newest rotation or the stop.
func (l *Log) Marked() Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.marked
}

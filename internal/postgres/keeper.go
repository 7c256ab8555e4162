package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// A snapshot is what one reading of a database's catalog gave.
type snapshot struct {
	catalog    *catalog.Catalog
	types      Types
	role       *Role
	statistics *catalog.Statistics // nil: none are wanted
}

// A keeper keeps the newest snapshot. It knows no pool: load does the reading.
type keeper struct {
	life    context.Context // of every reading; it ends with the pool
	load    func(context.Context) (*snapshot, error)
	refresh time.Duration
	changed chan struct{}      // holds one: read again, soon
	remedy  func(error) string // what would help
	log     *slog.Logger

	newest atomic.Pointer[snapshot]

	mu      sync.Mutex
	current *reading      // nil: none is under way
	began   time.Time     // the newest reading
	took    time.Duration // the newest reading that has ended
}

// A reading is one run of load, which any number of callers wait for.
type reading struct {
	done chan struct{}
	err  error
}

// run reads the catalog over and over, until ctx ends: after the refresh time,
// or when something has changed, or sooner after a failure.
func (k *keeper) run(ctx context.Context) {
	for failures := 0; ; {
		err := k.read(ctx)
		select {
		case <-k.changed: // before or during the reading
		default:
		}
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && failures > 0:
			k.log.Info("catalog can be read again")
			failures = 0
		case err != nil:
			level := slog.LevelWarn
			if failures > 0 { // said already
				level = slog.LevelDebug
			}
			k.log.Log(ctx, level, "catalog cannot be read", "reason", trouble(err), "hint", k.remedy(err))
			failures++
		}
		wait := k.refresh
		if failures > 0 {
			wait = min(wait, backoff(failures))
		}
		next := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-k.changed:
		case <-next.C:
		}
		next.Stop()
	}
}

// backoff is how long to wait after so many failures in a row.
func backoff(failures int) time.Duration {
	const first, last = 250 * time.Millisecond, 30 * time.Second
	return min(first<<min(failures-1, 10), last)
}

// read joins the reading that is under way, or begins one, and waits for it.
func (k *keeper) read(ctx context.Context) error {
	r, err := k.join()
	if err != nil {
		return err
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (k *keeper) join() (*reading, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.life.Err(); err != nil {
		return nil, err
	}
	if k.current == nil {
		k.current, k.began = &reading{done: make(chan struct{})}, time.Now()
		go k.perform(k.current)
	}
	return k.current, nil
}

func (k *keeper) perform(r *reading) {
	s, err := k.attempt()
	if err == nil {
		k.newest.Store(s)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	r.err = err
	close(r.done)
	k.current, k.took = nil, time.Since(k.began)
}

// attempt loads once. A panic is its error: no call is under way that would turn
// it into one.
func (k *keeper) attempt() (s *snapshot, err error) {
	defer func() {
		if p := recover(); p != nil {
			k.log.Error("panic", "value", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errInternal
		}
	}()
	return k.load(k.life)
}

// stale reports whether enough time has gone by for another reading: a second,
// or, where reading takes long, so much that it fills no more than a tenth of
// the time.
func (k *keeper) stale() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return time.Since(k.began) > max(time.Second, 10*k.took)
}

// wait waits for a reading that is under way. After the end of life none begins.
func (k *keeper) wait() {
	k.mu.Lock()
	r := k.current
	k.mu.Unlock()
	if r != nil {
		<-r.done
	}
}

package call

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// A Sign is what the end of an operation says of the dependency that it asked.
type Sign int

const (
	None  Sign = iota // nothing: it was refused before, cancelled, or met a limit of its own
	Works             // it answered, be it with an error
	Fails             // it did not, or not in time
)

// An Ending is what an error means for what comes next.
type Ending struct {
	Sign  Sign
	Again bool          // the same operation can be carried out once more, without harm
	After time.Duration // which the dependency asks to wait before that
}

// A Dependency is how operations of one kind deal with what they ask.
type Dependency struct {
	Read    func(error) Ending // of an error that is not nil
	Retry   Retry
	Breaker BreakerSettings
}

// Retry is how often and when an operation is tried again.
type Retry struct {
	Attempts  int           // in all; 1: it is not tried again
	BaseDelay time.Duration // the most that is waited before the second, doubled for each further one
	MaxDelay  time.Duration // the most that is waited at all; who is asked to wait longer does not try again
}

// BreakerSettings are when a dependency is given up on. Without Failures it never is.
type BreakerSettings struct {
	Failures int           // in a row that open the breaker
	Delay    time.Duration // until it lets a probe through
	Probes   int           // that must succeed until it closes
	Slow     time.Duration // a wait for a new connection from which on an operation has failed; 0: none
}

// An OpenError is the error of an operation whose dependency has failed too
// often. It was not begun.
type OpenError struct {
	Key        Key
	Cause      error // the failure that opened the breaker
	RetryAfter time.Duration
}

func (e *OpenError) Error() string { return e.Cause.Error() }

// Resilience retries operations and keeps one breaker for each dependency.
type Resilience struct {
	kinds  map[Kind]Dependency
	limits *Limits
	log    *slog.Logger

	mu       sync.Mutex
	breakers map[Key]*Breaker // that were asked for
	former   map[Key]*Breaker // taken over, and not asked for so far
}

// NewResilience returns resilience for the kinds. A retry takes of the limits
// what a first attempt takes; log hears of breakers that open and close. The
// breakers of former, which may be nil, are taken over with their state, where the
// settings are the same.
func NewResilience(kinds map[Kind]Dependency, limits *Limits, log *slog.Logger, former *Resilience) *Resilience {
	r := &Resilience{kinds: kinds, limits: limits, log: log, breakers: map[Key]*Breaker{}, former: map[Key]*Breaker{}}
	if former == nil {
		return r
	}
	former.mu.Lock()
	defer former.mu.Unlock()
	for _, breakers := range []map[Key]*Breaker{former.former, former.breakers} {
		for key, b := range breakers {
			if former.kinds[key.Kind].Breaker == kinds[key.Kind].Breaker {
				r.former[key] = b
			}
		}
	}
	return r
}

// Resilient carries out operations as r says. The time limit of an attempt is
// the operation's own. A retry that would not begin before ctx's deadline is not
// waited for: the error comes back at once.
func Resilient(r *Resilience) Layer {
	return func(next Handler) Handler {
		return func(ctx context.Context, op Op) error {
			d, ok := r.kinds[op.Kind]
			if !ok {
				return next(ctx, op)
			}
			breaker := r.Breaker(op.dependency())
			var failed error
			for attempt := 1; ; attempt++ {
				end, err := breaker.attempt(ctx, op, d.Read, next)
				if _, open := errors.AsType[*OpenError](err); open && failed != nil {
					return failed
				}
				if err == nil || !end.Again || attempt >= d.Retry.Attempts {
					return err
				}
				failed = err
				if !d.Retry.wait(ctx, attempt, end.After) || !r.limits.again(ctx, op) {
					return err
				}
			}
		}
	}
}

// wait waits before the attempt after the given one, and reports whether there is
// to be one. Full jitter: whoever failed together does not come back together.
func (r Retry) wait(ctx context.Context, attempt int, asked time.Duration) bool {
	if asked > r.MaxDelay {
		return false
	}
	pause := asked + rand.N(min(r.BaseDelay<<min(attempt-1, 20), r.MaxDelay-asked)+1)
	if deadline, ok := ctx.Deadline(); ok && pause >= time.Until(deadline) {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// A Breaker stops asking a dependency that keeps failing, and probes whether it
// works again. It is shared by everyone who asks; nil never opens.
type Breaker struct {
	key   Key
	slow  time.Duration
	state circuitbreaker.CircuitBreaker[struct{}]
	cause atomic.Pointer[error] // of the newest failure
}

// Breaker is the breaker of a dependency, which its statements or requests go
// through by themselves; nil: its kind has none, or r is nil.
func (r *Resilience) Breaker(key Key) *Breaker {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.kinds[key.Kind].Breaker
	if s.Failures == 0 {
		return nil
	}
	if r.breakers[key] == nil {
		if r.breakers[key] = r.former[key]; r.breakers[key] == nil {
			r.breakers[key] = newBreaker(key, s, r.log)
		}
		delete(r.former, key)
	}
	return r.breakers[key]
}

func newBreaker(key Key, s BreakerSettings, log *slog.Logger) *Breaker {
	b := &Breaker{key: key, slow: s.Slow}
	b.state = circuitbreaker.NewBuilder[struct{}]().
		WithFailureThreshold(uint(s.Failures)).
		WithDelay(s.Delay).
		WithSuccessThreshold(uint(max(s.Probes, 1))).
		OnOpen(func(e circuitbreaker.StateChangedEvent) {
			if e.OldState != circuitbreaker.ClosedState { // said already
				return
			}
			log.Warn("breaker opened", "kind", key.Kind, "name", key.Name, "reason", b.lastCause().Error(), "retry_after", s.Delay.String())
		}).
		OnClose(func(circuitbreaker.StateChangedEvent) {
			log.Info("breaker closed", "kind", key.Kind, "name", key.Name)
		}).
		Build()
	return b
}

// attempt carries out op unless the breaker is open, and learns from how it ends.
func (b *Breaker) attempt(ctx context.Context, op Op, read func(error) Ending, next Handler) (Ending, error) {
	if b == nil {
		err := next(ctx, op)
		return ending(ctx, err, read), err
	}
	if err := b.admit(); err != nil {
		return Ending{}, err
	}
	probe := b.state.IsHalfOpen()
	inner, waited := ctx, func() time.Duration { return 0 }
	if b.slow > 0 {
		inner, waited = Waiting(ctx)
	}
	settled := false
	defer func() {
		if !settled { // a panic says nothing
			b.learn(probe, None, nil)
		}
	}()
	err := next(inner, op)
	end := ending(ctx, err, read)
	settled = true
	if took := waited(); end.Sign == Works && b.slow > 0 && took >= b.slow && ctx.Err() == nil {
		b.learn(probe, Fails, &SlowError{b.key, took})
	} else {
		b.learn(probe, end.Sign, err)
	}
	return end, err
}

// ending is what the end of an operation means. Of one whose caller left, nothing.
func ending(ctx context.Context, err error, read func(error) Ending) Ending {
	switch {
	case err == nil:
		return Ending{Sign: Works}
	case ctx.Err() != nil:
		return Ending{}
	}
	return read(err)
}

type waitedKey struct{}

// Waiting returns a context for an operation, and how long that has waited for
// its dependency to let it in, as [Waited] has said so far.
func Waiting(ctx context.Context) (context.Context, func() time.Duration) {
	var waited atomic.Int64
	return context.WithValue(ctx, waitedKey{}, &waited), func() time.Duration { return time.Duration(waited.Load()) }
}

// Waited says that the operation of ctx has waited for a connection to be made, so
// long in addition. To queue for one that others use says nothing of the dependency.
func Waited(ctx context.Context, d time.Duration) {
	if waited, ok := ctx.Value(waitedKey{}).(*atomic.Int64); ok {
		waited.Add(int64(d))
	}
}

// A SlowError is a failure of a dependency that did answer, too late.
type SlowError struct {
	Key  Key
	Took time.Duration // to get a connection
}

func (e *SlowError) Error() string {
	return fmt.Sprintf("%s is slow: a connection took %s", e.Key, e.Took.Round(time.Millisecond))
}

// admit lets an operation through, or is an *[OpenError].
func (b *Breaker) admit() error {
	if b.state.TryAcquirePermit() {
		return nil
	}
	return b.open()
}

// Open is an *[OpenError] while the breaker lets nobody through, else nil. Unlike
// an operation, who asks is no probe.
func (b *Breaker) Open() error {
	if b == nil || !b.state.IsOpen() || b.state.RemainingDelay() == 0 {
		return nil
	}
	return b.open()
}

func (b *Breaker) open() error {
	// Half-open, the probes that are under way decide, soon.
	return &OpenError{b.key, b.lastCause(), cmp.Or(b.state.RemainingDelay(), busyPause)}
}

// learn counts how an admitted operation has ended. What began before the breaker
// opened says nothing of now; a probe that says nothing leaves it open.
func (b *Breaker) learn(probe bool, sign Sign, err error) {
	if !probe && !b.state.IsClosed() {
		return
	}
	switch sign {
	case Works:
		b.state.RecordSuccess()
	case Fails:
		b.cause.Store(&err)
		b.state.RecordFailure()
	case None:
		if probe && b.state.IsHalfOpen() {
			b.state.Open()
		}
	}
}

// Tell takes what somebody found out who asked the dependency whether or not the
// breaker is open, such as a health check; nil: it works, which closes it.
func (b *Breaker) Tell(err error) {
	switch {
	case b == nil:
	case err == nil && b.state.IsClosed():
		b.state.RecordSuccess()
	case err == nil:
		b.state.Close()
	case b.state.IsClosed():
		b.cause.Store(&err)
		b.state.RecordFailure()
	case b.state.IsOpen() && b.state.RemainingDelay() == 0: // it was a probe, unasked
		b.cause.Store(&err)
		b.state.HalfOpen()
		b.state.Open()
	}
}

// Slow is how long a connection may take before that is a failure; 0: any time.
func (b *Breaker) Slow() time.Duration {
	if b == nil {
		return 0
	}
	return b.slow
}

func (b *Breaker) lastCause() error {
	if cause := b.cause.Load(); cause != nil {
		return *cause
	}
	return errors.New(b.key.String() + " has failed") // before the first failure
}

// BreakerState is how a breaker is now.
type BreakerState struct {
	Key        Key
	State      string        // "closed", "open" or "half-open"
	RetryAfter time.Duration // of an open one, until it lets a probe through
}

// State is how the breaker is now.
func (b *Breaker) State() BreakerState {
	if b == nil {
		return BreakerState{State: circuitbreaker.ClosedState.String()}
	}
	s := BreakerState{b.key, b.state.State().String(), b.state.RemainingDelay()}
	if b.state.IsOpen() && s.RetryAfter == 0 { // the next one is let through
		s.State = circuitbreaker.HalfOpenState.String()
	}
	return s
}

// States are the breakers of one kind that were asked for so far, sorted by name.
// Those taken over count once they are asked for: others may be of what is no
// longer configured.
func (r *Resilience) States(kind Kind) []BreakerState {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []BreakerState
	for key, b := range r.breakers {
		if key.Kind == kind {
			out = append(out, b.State())
		}
	}
	slices.SortFunc(out, func(a, b BreakerState) int { return strings.Compare(a.Key.Name, b.Key.Name) })
	return out
}

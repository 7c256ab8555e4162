package call

import (
	"container/list"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A Key names what a layer keeps state for, or settings. Settings for an empty
// name are those of every name of the kind that has none of its own.
type Key struct {
	Kind Kind
	Name string
}

// A Rate is how many are allowed within a time, so many at once and then evenly.
// The zero Rate allows any number.
type Rate struct {
	Count int
	Per   time.Duration
}

// A LimitError is the error of an operation that comes too soon or beside too
// many others. It was not begun.
type LimitError struct {
	What       string        // is limited, such as "tool ask"
	Busy       bool          // there are too many at once, not too many in a time
	RetryAfter time.Duration // when there is room, if nobody else takes it
}

func (e *LimitError) Error() string {
	if e.Busy {
		return "too many calls at once: " + e.What
	}
	return "too many calls in a short time: " + e.What
}

// LimitSettings are what [Limits] allow.
type LimitSettings struct {
	Rates       map[Key]Rate    // of operations, for each name
	Concurrency map[Kind]int    // how many at once, for each name; none: any number
	Client      Rate            // of tool calls, for each principal with a name
	Clients     map[string]Rate // of those that have their own
	ModelTokens Rate            // of what models read and write, for each model
}

// Limits refuse what is above its rate, at once and with the time to wait: a
// caller can wait, and a queue could not tell it for how long. Make them with
// [NewLimits].
type Limits struct {
	settings LimitSettings
	*usage
}

// A usage is what of limits is used up.
type usage struct {
	mu      sync.Mutex
	buckets map[bucketKey]*list.Element // of *bucket
	recent  list.List                   // the one used last is in front
	running map[Key]int
}

// maxBuckets bounds the state, because principals can be any number. The bucket
// that was not used for the longest time is forgotten, and is full when it is
// asked for again.
const maxBuckets = 10_000

// busyPause is what a caller is asked to wait where nobody knows when another
// one will be done.
const busyPause = time.Second

type bucketKey struct {
	Key
	principal string
	tokens    bool // it counts a model's tokens, not operations
	rate      Rate
}

type bucket struct {
	key     bucketKey
	limiter *rate.Limiter
}

// NewLimits returns limits of which nothing is used up but, where they are the
// same as in former, what is of those; former may be nil.
func NewLimits(s LimitSettings, former *Limits) *Limits {
	if former != nil {
		return &Limits{s, former.usage}
	}
	return &Limits{s, &usage{buckets: map[bucketKey]*list.Element{}, running: map[Key]int{}}}
}

// Limit refuses operations beyond the limits with a *[LimitError].
func Limit(l *Limits) Layer {
	return func(next Handler) Handler {
		return func(ctx context.Context, op Op) error {
			if err := l.enter(ctx, op); err != nil {
				return err
			}
			defer l.leave(op)
			if op.Kind != Model || l.settings.ModelTokens.Count == 0 {
				return next(ctx, op)
			}
			defer func() {
				used := FactsOf(ctx)
				l.charge(op, used.TokensIn+used.TokensOut)
			}()
			return next(ctx, op)
		}
	}
}

// enter takes what op needs of every limit, or nothing.
func (l *Limits) enter(ctx context.Context, op Op) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := op.dependency()
	if most, ok := l.settings.Concurrency[op.Kind]; ok && l.running[key] >= most {
		return &LimitError{What: key.String(), Busy: true, RetryAfter: busyPause}
	}
	if err := l.take(l.bucketsOf(op, Principal(ctx))); err != nil {
		return err
	}
	l.running[key]++
	return nil
}

func (l *Limits) leave(op Op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := op.dependency()
	if l.running[key]--; l.running[key] == 0 {
		delete(l.running, key)
	}
}

// again reports whether op may be tried once more, and takes what that needs.
func (l *Limits) again(ctx context.Context, op Op) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.take(l.bucketsOf(op, Principal(ctx))) == nil
}

// take takes one of each bucket that counts operations, if none is empty.
func (l *Limits) take(buckets []*bucket) error {
	now := time.Now()
	for _, b := range buckets {
		if wait := b.wait(now); wait > 0 {
			return &LimitError{What: b.key.String(), RetryAfter: wait}
		}
	}
	for _, b := range buckets {
		if !b.key.tokens {
			b.limiter.AllowN(now, 1)
		}
	}
	return nil
}

// maxDebt bounds how many buckets' worth of tokens one request can owe: more than
// any model reads, where the limit is not absurdly low.
const maxDebt = 10_000

// charge takes tokens that are used up already, so that the bucket can owe some,
// also more than it holds.
func (l *Limits) charge(op Op, tokens int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	most := l.settings.ModelTokens
	b := l.bucket(bucketKey{Key: Key{op.Kind, op.Name}, tokens: true, rate: most})
	now := time.Now()
	for range maxDebt {
		if tokens <= 0 {
			return
		}
		part := min(tokens, most.Count) // the limiter takes no more at once
		b.limiter.ReserveN(now, part)
		tokens -= part
	}
}

// bucketsOf are the buckets that an operation needs something of.
func (l *Limits) bucketsOf(op Op, principal string) []*bucket {
	var out []*bucket
	add := func(key bucketKey) {
		if key.rate = l.rate(key); key.rate.Count > 0 {
			out = append(out, l.bucket(key))
		}
	}
	add(bucketKey{Key: Key{op.Kind, op.Name}})
	switch {
	case op.Kind == Tool && principal != "":
		add(bucketKey{Key: Key{Kind: Tool}, principal: principal})
	case op.Kind == Model:
		add(bucketKey{Key: Key{op.Kind, op.Name}, tokens: true})
	}
	return out
}

// rate is the rate that is set for what a bucket counts.
func (l *Limits) rate(key bucketKey) Rate {
	switch {
	case key.tokens:
		return l.settings.ModelTokens
	case key.isClients():
		if r, ok := l.settings.Clients[key.principal]; ok {
			return r
		}
		return l.settings.Client
	}
	return lookup(l.settings.Rates, key.Key)
}

func (l *Limits) bucket(key bucketKey) *bucket {
	if e, ok := l.buckets[key]; ok {
		l.recent.MoveToFront(e)
		return e.Value.(*bucket)
	}
	if len(l.buckets) == maxBuckets {
		oldest := l.recent.Remove(l.recent.Back()).(*bucket)
		delete(l.buckets, oldest.key)
	}
	b := &bucket{key, rate.NewLimiter(rate.Limit(float64(key.rate.Count)/key.rate.Per.Seconds()), key.rate.Count)}
	l.buckets[key] = l.recent.PushFront(b)
	return b
}

// wait is how long until the bucket holds one; 0: it does.
func (b *bucket) wait(now time.Time) time.Duration {
	missing := 1 - b.limiter.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(missing / float64(b.limiter.Limit()) * float64(time.Second)))
}

// lookup is the setting for a key or, where that has none, for its kind.
func lookup[V any](settings map[Key]V, key Key) V {
	if v, ok := settings[key]; ok {
		return v
	}
	return settings[Key{Kind: key.Kind}]
}

// Left is what is left of one limit.
type Left struct {
	What string // is limited, such as "tool ask"
	Left int
	Rate Rate
	Key  Key
}

// Left is what is left of each limit that was used of late, sorted: those for
// all, and those of the principal itself.
func (l *Limits) Left(principal string) []Left {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, out := time.Now(), []Left{}
	for key, e := range l.buckets {
		if key.isClients() && key.principal != principal || key.rate != l.rate(key) {
			continue
		}
		left := e.Value.(*bucket).limiter.TokensAt(now)
		out = append(out, Left{key.String(), int(max(left, 0)), key.rate, key.Key})
	}
	slices.SortFunc(out, func(a, b Left) int { return strings.Compare(a.What, b.What) })
	return out
}

// isClients reports whether the bucket is one client's.
func (k bucketKey) isClients() bool { return k.Kind == Tool && k.Name == "" }

func (k bucketKey) String() string {
	switch {
	case k.isClients():
		return "this client"
	case k.tokens:
		return "tokens of " + k.Key.String()
	}
	return k.Key.String()
}

// String says what the key names, in words for a caller.
func (k Key) String() string {
	if k.Kind == Statement {
		return "database " + k.Name
	}
	return fmt.Sprintf("%s %s", k.Kind, k.Name)
}

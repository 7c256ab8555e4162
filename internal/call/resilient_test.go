package call

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A trouble is an error that says what it means.
type trouble struct{ Ending }

func (trouble) Error() string { return "trouble" }

func read(err error) Ending {
	if e, ok := errors.AsType[trouble](err); ok {
		return e.Ending
	}
	return Ending{}
}

var (
	down   = trouble{Ending{Sign: Fails, Again: true}}
	broken = trouble{Ending{Sign: Fails}}
	wrong  = trouble{Ending{Sign: Works}} // the user's error
	own    = trouble{Ending{Sign: None}}  // such as its own timeout
)

// A patient is a dependency whose operations end as it is told.
type patient struct {
	resilience *Resilience
	log        bytes.Buffer
	chain      Chain
	op         Op
	calls      int
}

func newPatient(d Dependency, limits LimitSettings) *patient {
	p := &patient{op: Op{Kind: Model, Name: "m", Server: "s"}}
	d.Read = read
	l := NewLimits(limits, nil)
	p.resilience = NewResilience(map[Kind]Dependency{Model: d}, l, slog.New(slog.NewTextHandler(&p.log, nil)), nil)
	p.chain = New(Limit(l), Resilient(p.resilience))
	return p
}

// ask has the operation end with these errors in turn, the last one for good.
func (p *patient) ask(ctx context.Context, errs ...error) error {
	_, err := Do(ctx, p.chain, p.op, func(context.Context) (int, error) {
		p.calls++
		err := errs[0]
		if len(errs) > 1 {
			errs = errs[1:]
		}
		return 0, err
	})
	return err
}

func TestRetry(t *testing.T) {
	slowly := trouble{Ending{Sign: Fails, Again: true, After: 3 * time.Second}}
	never := trouble{Ending{Sign: Fails, Again: true, After: time.Hour}}
	retry := Retry{Attempts: 3, BaseDelay: 100 * time.Millisecond, MaxDelay: 10 * time.Second}
	for _, c := range []struct {
		name     string
		errs     []error
		deadline time.Duration // 0: none
		limits   LimitSettings
		calls    int
		min, max time.Duration
		err      error
	}{
		{name: "at once", errs: []error{nil}, calls: 1},
		{name: "mended", errs: []error{down, nil}, calls: 2, max: 100 * time.Millisecond},
		{name: "in vain", errs: []error{down}, calls: 3, max: 300 * time.Millisecond, err: down},
		{name: "not the same again", errs: []error{broken}, calls: 1, err: broken},
		{name: "a user's error", errs: []error{wrong}, calls: 1, err: wrong},
		{name: "when asked to", errs: []error{slowly, nil}, calls: 2, min: 3 * time.Second, max: 3100 * time.Millisecond},
		{name: "when asked to wait too long", errs: []error{never}, calls: 1, err: never},
		{name: "not beyond the deadline", errs: []error{slowly, nil}, deadline: 2 * time.Second, calls: 1, err: slowly},
		{name: "within the deadline", errs: []error{slowly, nil}, deadline: 4 * time.Second, calls: 2, min: 3 * time.Second, max: 3100 * time.Millisecond},
		{name: "a token each", errs: []error{down}, limits: LimitSettings{Rates: map[Key]Rate{{Kind: Model}: {2, time.Hour}}}, calls: 2, max: 300 * time.Millisecond, err: down},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPatient(Dependency{Retry: retry}, c.limits)
				ctx, cancel := context.WithCancel(t.Context())
				if c.deadline > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), c.deadline)
				}
				defer cancel()
				start := time.Now()
				err := p.ask(ctx, c.errs...)
				if took := time.Since(start); err != c.err || p.calls != c.calls || took < c.min || took > c.max {
					t.Errorf("%d calls in %s: %v", p.calls, took, err)
				}
			})
		})
	}
}

func TestRetryEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(Dependency{Retry: Retry{9, time.Hour, time.Hour}}, LimitSettings{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		start := time.Now()
		if err := p.ask(ctx, down); err != down || time.Since(start) > time.Millisecond || p.calls != 1 {
			t.Errorf("%v after %s and %d calls", err, time.Since(start), p.calls)
		}
	})
}

// Delays are spread over all of what they may be.
func TestFullJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Retry{Attempts: 2, BaseDelay: time.Second, MaxDelay: 2500 * time.Millisecond}
		for attempt, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 2500 * time.Millisecond, 99: 2500 * time.Millisecond} {
			var low, high int
			for range 200 {
				start := time.Now()
				r.wait(t.Context(), attempt, 0)
				switch took := time.Since(start); {
				case took > most:
					t.Fatalf("attempt %d waited %s", attempt, took)
				case took < most/4:
					low++
				case took > most*3/4:
					high++
				}
			}
			if low < 20 || high < 20 {
				t.Errorf("attempt %d: %d of 200 are in the first quarter, %d in the last", attempt, low, high)
			}
		}
	})
}

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(Dependency{Breaker: BreakerSettings{Failures: 3, Delay: 10 * time.Second, Probes: 2}}, LimitSettings{})
		ctx := t.Context()
		state := func(want string) {
			t.Helper()
			if got := p.resilience.States(Model); len(got) != 1 || got[0].Key != (Key{Model, "s"}) || got[0].State != want {
				t.Fatalf("it is %+v, want %s", got, want)
			}
		}
		// A success begins the count anew; what is no failure counts for nothing.
		left, cancel := context.WithCancel(ctx)
		cancel()
		for _, err := range []error{broken, broken, nil, broken, broken, wrong, broken, own, own, broken} {
			p.ask(ctx, err)
			p.ask(left, broken)
		}
		state("closed")
		p.ask(ctx, broken)
		state("open")
		time.Sleep(4 * time.Second)
		calls := p.calls
		err := p.ask(ctx, nil)
		if e, ok := errors.AsType[*OpenError](err); !ok || e.RetryAfter != 6*time.Second || e.Cause != broken || p.calls != calls {
			t.Fatalf("got %+v", err)
		}
		// Another model on the same server is the same dependency, one on another is not.
		for server, open := range map[string]bool{"s": true, "t": false} {
			_, err := Do(ctx, p.chain, Op{Model, "judge", server}, func(context.Context) (int, error) { return 0, nil })
			if _, ok := errors.AsType[*OpenError](err); ok != open {
				t.Errorf("on %s: %v", server, err)
			}
		}
		delete(p.resilience.breakers, Key{Model, "t"})

		time.Sleep(6 * time.Second)
		p.ask(ctx, nil)
		state("half-open")
		p.ask(ctx, broken)
		state("open")
		time.Sleep(10 * time.Second)
		p.ask(ctx, own) // a probe that says nothing
		state("open")
		time.Sleep(10 * time.Second)
		func() {
			defer func() { recover() }()
			Do(ctx, p.chain, p.op, func(context.Context) (int, error) { panic("x") })
		}()
		state("open")
		time.Sleep(10 * time.Second)
		p.ask(ctx, nil)
		p.ask(ctx, wrong)
		state("closed")
		if got := p.log.String(); strings.Count(got, "breaker opened") != 1 || strings.Count(got, "breaker closed") != 1 || !strings.Contains(got, "reason=trouble") {
			t.Errorf("the log is\n%s", got)
		}
	})
}

// One probe at a time is let through, and what began before says nothing.
func TestProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(Dependency{Breaker: BreakerSettings{Failures: 1, Delay: time.Second, Probes: 1}}, LimitSettings{})
		hang := func(leave chan error) {
			go Do(t.Context(), p.chain, p.op, func(context.Context) (int, error) { return 0, <-leave })
			synctest.Wait()
		}
		old, probe := make(chan error), make(chan error)
		hang(old)
		p.ask(t.Context(), broken)
		time.Sleep(time.Second)
		hang(probe)
		err := p.ask(t.Context(), nil)
		if e, ok := errors.AsType[*OpenError](err); !ok || e.RetryAfter != busyPause {
			t.Errorf("beside the probe: %+v", err)
		}
		old <- nil
		synctest.Wait()
		if b := p.resilience.Breaker(Key{Model, "s"}); b.State().State != "half-open" {
			t.Errorf("what began before the failure made it %s", b.State().State)
		}
		probe <- nil
		synctest.Wait()
		if err := p.ask(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
}

// The most that is waited bounds what was asked for and the jitter together.
func TestMaxDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Retry{Attempts: 2, BaseDelay: time.Second, MaxDelay: 3 * time.Second}
		for asked, most := range map[time.Duration]time.Duration{0: time.Second, 2500 * time.Millisecond: 3 * time.Second, 3 * time.Second: 3 * time.Second} {
			for range 50 {
				start := time.Now()
				again := r.wait(t.Context(), 1, asked)
				if took := time.Since(start); !again || took < asked || took > most {
					t.Fatalf("asked for %s it waited %s", asked, took)
				}
			}
		}
	})
}

// A retry does not outlive the breaker, and the caller hears of the failure.
func TestRetryMeetsOpenBreaker(t *testing.T) {
	p := newPatient(Dependency{Retry: Retry{Attempts: 5}, Breaker: BreakerSettings{Failures: 2, Delay: time.Hour}}, LimitSettings{})
	if err := p.ask(t.Context(), down); err != down || p.calls != 2 {
		t.Errorf("%d calls: %v", p.calls, err)
	}
}

func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(Dependency{Breaker: BreakerSettings{Failures: 2, Delay: time.Minute, Slow: 5 * time.Second}}, LimitSettings{})
		end := func(d time.Duration, err error) error {
			_, err = Do(t.Context(), p.chain, p.op, func(ctx context.Context) (int, error) {
				Waited(ctx, d/2)
				Waited(ctx, d/2)
				return 0, err
			})
			return err
		}
		wait := func(d time.Duration) error { return end(d, nil) }
		// What says nothing of the dependency says nothing when it was slow.
		for range 3 {
			if err := end(time.Minute, own); err != own {
				t.Fatal(err)
			}
		}
		for _, d := range []time.Duration{5 * time.Second, 4 * time.Second, 5 * time.Second, 6 * time.Second} {
			if err := wait(d); err != nil {
				t.Fatalf("what was slow is an answer still: %v", err)
			}
		}
		if err := wait(0); err == nil || err.Error() != "model s is slow: a connection took 6s" {
			t.Error(err)
		}
	})
}

func TestTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(Dependency{Breaker: BreakerSettings{Failures: 2, Delay: time.Minute}}, LimitSettings{})
		b := p.resilience.Breaker(Key{Model, "s"})
		b.Tell(broken)
		b.Tell(nil)
		b.Tell(broken)
		if b.Open() != nil {
			t.Error("it is open after one failure in a row")
		}
		b.Tell(broken)
		if e, ok := errors.AsType[*OpenError](b.Open()); !ok || e.RetryAfter != time.Minute {
			t.Error("it is not open")
		}
		time.Sleep(time.Second)
		b.Tell(broken)
		if b.State().RetryAfter != 59*time.Second {
			t.Error("what is found out meanwhile puts it off")
		}
		time.Sleep(time.Minute)
		if b.State().State != "half-open" || b.Open() != nil {
			t.Error("it does not ask again")
		}
		b.Tell(broken)
		if b.State().RetryAfter != time.Minute {
			t.Error("the next failure does not put it off")
		}
		b.Tell(nil)
		if b.Open() != nil || b.State().State != "closed" {
			t.Error("it is still open")
		}
		var none *Breaker
		none.Tell(broken)
		if none.Open() != nil || none.State().State != "closed" || none.Slow() != 0 {
			t.Error("no breaker is not closed")
		}
	})
}

// A breaker outlives other settings that are not its own.
func TestBreakersAreTakenOver(t *testing.T) {
	settings := BreakerSettings{Failures: 1, Delay: time.Hour}
	p := newPatient(Dependency{Breaker: settings}, LimitSettings{})
	p.ask(t.Context(), broken)
	key := Key{Model, "s"}
	retried := Dependency{Read: read, Retry: Retry{Attempts: 9}, Breaker: settings}
	same := NewResilience(map[Kind]Dependency{Model: retried}, NewLimits(LimitSettings{}, nil), slog.New(slog.DiscardHandler), p.resilience)
	if got := same.States(Model); got != nil {
		t.Errorf("nobody has asked for %+v, which may be no longer configured", got)
	}
	later := NewResilience(map[Kind]Dependency{Model: retried}, NewLimits(LimitSettings{}, nil), slog.New(slog.DiscardHandler), same)
	for _, r := range []*Resilience{same, later} {
		if r.Breaker(key) != p.resilience.Breaker(key) {
			t.Error("the same breaker began anew")
		}
		if got := r.States(Model); len(got) != 1 || got[0].Key != key {
			t.Errorf("the states are %+v", got)
		}
	}
	retried.Breaker.Failures = 2
	other := NewResilience(map[Kind]Dependency{Model: retried}, NewLimits(LimitSettings{}, nil), slog.New(slog.DiscardHandler), same)
	if other.Breaker(key).Open() != nil {
		t.Error("another breaker did not begin anew")
	}
}

func BenchmarkLayers(b *testing.B) {
	limits := func() *Limits {
		return NewLimits(LimitSettings{
			Rates:       map[Key]Rate{{Kind: Statement}: {1 << 40, time.Second}},
			Concurrency: map[Kind]int{Statement: 64},
		}, nil)
	}
	resilient := func(s BreakerSettings) Layer {
		return Resilient(NewResilience(map[Kind]Dependency{Statement: {Read: read, Retry: Retry{Attempts: 2}, Breaker: s}}, limits(), slog.New(slog.DiscardHandler), nil))
	}
	breaker := BreakerSettings{Failures: 5, Delay: time.Second, Probes: 1, Slow: time.Second}
	discard := slog.New(slog.DiscardHandler)
	for _, c := range []struct {
		name   string
		layers []Layer
	}{
		{"none", nil},
		{"recover", []Layer{Recover(discard)}},
		{"limit", []Layer{Limit(limits())}},
		{"retry", []Layer{resilient(BreakerSettings{})}},
		{"retry+breaker", []Layer{resilient(breaker)}},
		{"all", []Layer{Recover(discard), Limit(limits()), resilient(breaker)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			chain := New(c.layers...)
			b.ReportAllocs()
			for b.Loop() {
				if err := pass(b.Context(), chain, Op{Kind: Statement, Name: "shop"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package call

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pass carries op through c and does nothing.
func pass(ctx context.Context, c Chain, op Op) error {
	_, err := Do(ctx, c, op, func(context.Context) (int, error) { return 0, nil })
	return err
}

// wantLimit wants err to be a limit's.
func wantLimit(t *testing.T, err error, what string, after time.Duration) {
	t.Helper()
	e, ok := errors.AsType[*LimitError](err)
	if !ok || e.What != what || e.RetryAfter != after {
		t.Errorf("got %+v, want a limit of %s for %s", err, what, after)
	}
}

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Limit(NewLimits(LimitSettings{
			Rates: map[Key]Rate{
				{Kind: Statement}:         {2, time.Second},
				{Statement, "desk"}:       {1, time.Hour},
				{Statement, "unlimited"}:  {},
				{Kind: Tool, Name: "ask"}: {60, time.Minute},
			},
		}, nil)))
		ctx := t.Context()
		shop := Op{Kind: Statement, Name: "shop"}
		for range 2 {
			if err := pass(ctx, c, shop); err != nil {
				t.Fatal(err)
			}
		}
		wantLimit(t, pass(ctx, c, shop), "database shop", 500*time.Millisecond)
		if err := pass(ctx, c, Op{Kind: Statement, Name: "fair"}); err != nil {
			t.Errorf("another database has its own share: %v", err)
		}
		if err := pass(ctx, c, Op{Kind: Statement, Name: "desk"}); err != nil {
			t.Error(err)
		}
		wantLimit(t, pass(ctx, c, Op{Kind: Statement, Name: "desk"}), "database desk", time.Hour)
		for range 100 {
			if err := pass(ctx, c, Op{Kind: Statement, Name: "unlimited"}); err != nil {
				t.Fatal(err)
			}
			if err := pass(ctx, c, Op{Kind: Tool, Name: "health"}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(500 * time.Millisecond)
		if err := pass(ctx, c, shop); err != nil {
			t.Errorf("after the time that it said: %v", err)
		}
		wantLimit(t, pass(ctx, c, shop), "database shop", 500*time.Millisecond)
	})
}

func TestClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := NewLimits(LimitSettings{
			Rates:   map[Key]Rate{{Tool, "ask"}: {3, time.Minute}},
			Client:  Rate{2, time.Minute},
			Clients: map[string]Rate{"nightly": {}},
		}, nil)
		c := New(Limit(limits))
		ann, bea := WithPrincipal(t.Context(), "ann"), WithPrincipal(t.Context(), "bea")
		ask := Op{Kind: Tool, Name: "ask"}
		pass(ann, c, ask)
		pass(ann, c, Op{Kind: Tool, Name: "health"})
		wantLimit(t, pass(ann, c, ask), "this client", 30*time.Second)
		if err := pass(ann, c, Op{Kind: Statement, Name: "shop"}); err != nil {
			t.Errorf("what a call is made of is no call: %v", err)
		}
		// What one limit refuses takes nothing from the other.
		pass(bea, c, ask)
		if err := pass(bea, c, ask); err != nil {
			t.Error(err)
		}
		nightly := WithPrincipal(t.Context(), "nightly")
		wantLimit(t, pass(nightly, c, ask), "tool ask", 20*time.Second)

		want := []Left{
			{"this client", 0, Rate{2, time.Minute}, Key{Kind: Tool}},
			{"tool ask", 0, Rate{3, time.Minute}, Key{Tool, "ask"}},
		}
		if diff := cmp.Diff(want, limits.Left("ann")); diff != "" {
			t.Error(diff)
		}
	})
}

// What is used up of a limit stays so under other settings, where that limit is the same.
func TestLimitsAreTakenOver(t *testing.T) {
	shop, desk := Key{Statement, "shop"}, Key{Statement, "desk"}
	former := NewLimits(LimitSettings{Rates: map[Key]Rate{shop: {1, time.Hour}, desk: {1, time.Hour}}}, nil)
	ask := func(l *Limits, key Key) error {
		return pass(t.Context(), New(Limit(l)), Op{Kind: key.Kind, Name: key.Name})
	}
	ask(former, shop)
	ask(former, desk)
	next := NewLimits(LimitSettings{Rates: map[Key]Rate{shop: {1, time.Hour}, desk: {2, time.Hour}}}, former)
	if ask(next, shop) == nil {
		t.Error("the same limit began anew")
	}
	if err := ask(next, desk); err != nil {
		t.Error(err)
	}
	if left := next.Left(""); len(left) != 2 || left[0].Rate.Count != 2 {
		t.Errorf("left is %+v", left)
	}
}

func TestClientsAreBounded(t *testing.T) {
	l := NewLimits(LimitSettings{Client: Rate{1, time.Hour}}, nil)
	c := New(Limit(l))
	health := Op{Kind: Tool, Name: "health"}
	first := WithPrincipal(t.Context(), "first")
	pass(first, c, health)
	for i := range 2 * maxBuckets {
		pass(WithPrincipal(t.Context(), fmt.Sprint(i)), c, health)
		if i%1000 == 0 && pass(first, c, health) == nil {
			t.Fatal("a client that keeps calling was forgotten")
		}
	}
	if len(l.buckets) != maxBuckets || l.recent.Len() != maxBuckets {
		t.Errorf("there are %d and %d buckets", len(l.buckets), l.recent.Len())
	}
	if err := pass(WithPrincipal(t.Context(), "0"), c, health); err != nil {
		t.Error("the client that was away longest was not forgotten")
	}
}

func TestModelTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Limit(NewLimits(LimitSettings{ModelTokens: Rate{600, time.Minute}}, nil)))
		use := func(tokens int) error {
			_, err := Do(t.Context(), c, Op{Kind: Model, Name: "m"}, func(ctx context.Context) (int, error) {
				FactsOf(ctx).TokensIn = tokens
				return 0, nil
			})
			return err
		}
		// What a request costs is known only afterwards, so the last may owe.
		for range 2 {
			if err := use(400); err != nil {
				t.Fatal(err)
			}
		}
		wantLimit(t, use(1), "tokens of model m", 20100*time.Millisecond)
		time.Sleep(20100 * time.Millisecond)
		if err := use(6_000); err != nil { // one is left
			t.Fatal(err)
		}
		wantLimit(t, use(1), "tokens of model m", 10*time.Minute)
	})
}

func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimits(LimitSettings{Concurrency: map[Kind]int{Model: 2}}, nil)
		c := New(Limit(l))
		leave := make(chan bool)
		ask := func(name, server string) error {
			_, err := Do(t.Context(), c, Op{Model, name, server}, func(context.Context) (int, error) { <-leave; return 0, nil })
			return err
		}
		for _, name := range []string{"writer", "judge"} {
			go ask(name, "one")
		}
		synctest.Wait()
		err := ask("writer", "one")
		wantLimit(t, err, "model one", time.Second)
		if e, ok := errors.AsType[*LimitError](err); !ok || !e.Busy {
			t.Errorf("got %+v", err)
		}
		go ask("writer", "two")
		synctest.Wait()
		if err := pass(t.Context(), c, Op{Kind: Statement, Name: "shop"}); err != nil {
			t.Error(err)
		}
		close(leave)
		synctest.Wait()
		if err := ask("writer", "one"); err != nil || len(l.running) != 0 {
			t.Errorf("%v, and %v are running", err, l.running)
		}
	})
}

// A panic leaves too.
func TestConcurrencyAfterPanic(t *testing.T) {
	l := NewLimits(LimitSettings{Concurrency: map[Kind]int{Tool: 1}}, nil)
	func() {
		defer func() { recover() }()
		Do(t.Context(), New(Limit(l)), Op{Kind: Tool}, func(context.Context) (int, error) { panic("x") })
	}()
	if len(l.running) != 0 {
		t.Error("it is still counted")
	}
}

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
		})))
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
		})
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

func TestClientsAreBounded(t *testing.T) {
	l := NewLimits(LimitSettings{Client: Rate{1, time.Hour}})
	c := New(Limit(l))
	first := WithPrincipal(t.Context(), "first")
	pass(first, c, Op{Kind: Tool})
	for i := range 2 * maxBuckets {
		pass(WithPrincipal(t.Context(), fmt.Sprint(i)), c, Op{Kind: Tool})
		if i%1000 == 0 && pass(first, c, Op{Kind: Tool}) == nil {
			t.Fatal("a client that keeps calling was forgotten")
		}
	}
	if len(l.buckets) != maxBuckets || l.recent.Len() != maxBuckets {
		t.Errorf("there are %d and %d buckets", len(l.buckets), l.recent.Len())
	}
	if err := pass(WithPrincipal(t.Context(), "0"), c, Op{Kind: Tool}); err != nil {
		t.Error("the client that was away longest was not forgotten")
	}
}

func TestModelTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Limit(NewLimits(LimitSettings{ModelTokens: Rate{600, time.Minute}})))
		use := func(tokens int) error {
			_, err := Do(t.Context(), c, Op{Kind: Model, Name: "m"}, func(ctx context.Context) (int, error) {
				Use(ctx, tokens)
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
		if err := use(1_000_000); err != nil { // owes no more than a full bucket
			t.Fatal(err)
		}
		wantLimit(t, use(1), "tokens of model m", time.Minute)
	})
}

func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimits(LimitSettings{Concurrency: map[Kind]int{Model: 2}})
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
	l := NewLimits(LimitSettings{Concurrency: map[Kind]int{Tool: 1}})
	func() {
		defer func() { recover() }()
		Do(t.Context(), New(Limit(l)), Op{Kind: Tool}, func(context.Context) (int, error) { panic("x") })
	}()
	if len(l.running) != 0 {
		t.Error("it is still counted")
	}
}

// Other settings change what they are about, and nothing else.
func TestLimitsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := func(ask, client Rate) LimitSettings {
			return LimitSettings{
				Rates:   map[Key]Rate{{Tool, "ask"}: ask, {Tool, "health"}: {1, time.Hour}},
				Client:  client,
				Clients: map[string]Rate{"nightly": {1, time.Hour}},
			}
		}
		l := (*Limits)(nil).Next(settings(Rate{1, time.Hour}, Rate{2, time.Hour}))
		ctx := WithPrincipal(t.Context(), "nightly")
		for _, tool := range []string{"ask", "health"} {
			if err := pass(WithPrincipal(t.Context(), tool), New(Limit(l)), Op{Kind: Tool, Name: tool}); err != nil {
				t.Fatal(err)
			}
		}
		if err := pass(ctx, New(Limit(l)), Op{Kind: Tool, Name: "else"}); err != nil {
			t.Fatal(err)
		}
		c := New(Limit(l.Next(settings(Rate{2, time.Hour}, Rate{1, time.Hour}))))
		if err := pass(t.Context(), c, Op{Kind: Tool, Name: "ask"}); err != nil {
			t.Errorf("a rate that has changed begins anew: %v", err)
		}
		wantLimit(t, pass(t.Context(), c, Op{Kind: Tool, Name: "health"}), "tool health", time.Hour)
		wantLimit(t, pass(ctx, c, Op{Kind: Tool, Name: "else"}), "this client", time.Hour)
		if err := pass(WithPrincipal(t.Context(), "ask"), c, Op{Kind: Tool, Name: "else"}); err != nil {
			t.Errorf("so does a client's: %v", err)
		}
	})
}

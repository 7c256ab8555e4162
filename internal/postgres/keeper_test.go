package postgres

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// newKeeper returns a keeper whose readings take a while each and are counted.
func newKeeper(t *testing.T, takes time.Duration, result func(n int) error) (k *keeper, readings *[]time.Time) {
	life, end := context.WithCancel(t.Context())
	readings = new([]time.Time)
	k = &keeper{
		life:    life,
		refresh: 5 * time.Minute,
		changed: make(chan struct{}, 1),
		remedy:  func(error) string { return "" },
		log:     slog.New(slog.DiscardHandler),
		load: func(ctx context.Context) (*snapshot, error) {
			*readings = append(*readings, time.Now())
			n := len(*readings)
			select {
			case <-time.After(takes):
				return &snapshot{catalog: &catalog.Catalog{LoadedAt: time.Now()}}, result(n)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	}
	t.Cleanup(func() {
		end()
		k.wait()
	})
	return k, readings
}

func always(err error) func(int) error { return func(int) error { return err } }

func TestKeeperRetriesUntilItSucceedsAndThenRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, readings := newKeeper(t, 0, func(n int) error {
			if n <= 9 {
				return errors.New("down")
			}
			return nil
		})
		start := time.Now()
		go k.run(k.life)
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		var waits []time.Duration
		for i, r := range *readings {
			waits = append(waits, r.Sub(start))
			if i > 0 {
				waits[i] = r.Sub((*readings)[i-1])
			}
		}
		want := []time.Duration{0, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second,
			4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second,
			5 * time.Minute, 5 * time.Minute, 5 * time.Minute}
		for i, w := range want {
			if i >= len(waits) || waits[i] != w {
				t.Fatalf("waits are %v, want %v", waits, want)
			}
		}
	})
}

func TestKeeperSharesReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, readings := newKeeper(t, time.Second, always(nil))
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				if err := k.read(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := k.read(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the impatient one got %v", err)
		}
		callers.Wait()
		if len(*readings) != 1 {
			t.Errorf("%d readings, want 1", len(*readings))
		}
		if err := k.read(t.Context()); err != nil || len(*readings) != 2 {
			t.Errorf("the next one: %d readings, %v", len(*readings), err)
		}
	})
}

func TestKeeperIsStaleAfterASecondOrTenReadings(t *testing.T) {
	for _, c := range []struct{ takes, fresh time.Duration }{
		{time.Millisecond, time.Second},
		{2 * time.Second, 20 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			k, _ := newKeeper(t, c.takes, always(errors.New("failures count too")))
			if !k.stale() {
				t.Error("without a reading it is fresh")
			}
			k.read(t.Context())
			time.Sleep(c.fresh - c.takes)
			if k.stale() {
				t.Errorf("it is stale after %v", c.fresh)
			}
			time.Sleep(time.Millisecond)
			if !k.stale() {
				t.Errorf("it is fresh after more than %v", c.fresh)
			}
		})
	}
}

func TestKeeperReadsAgainWhenSomethingHasChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, readings := newKeeper(t, 0, always(nil))
		go k.run(k.life)
		synctest.Wait()
		db := &Database{keeper: k}
		db.Changed() // the reading is a moment old
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(*readings) != 1 {
			t.Errorf("%d readings, want 1", len(*readings))
		}
		db.Changed()
		db.Changed()
		time.Sleep(time.Second)
		synctest.Wait()
		if len(*readings) != 2 {
			t.Errorf("%d readings after the change, want 2", len(*readings))
		}
	})
}

// A reading that panics is a failure like others, and the next one may succeed.
func TestKeeperSurvivesPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		k, readings := newKeeper(t, 0, func(n int) error {
			if n == 1 {
				panic("secret")
			}
			return nil
		})
		k.log = slog.New(slog.NewTextHandler(&log, nil))
		if err := k.read(t.Context()); err != errInternal || trouble(err) != "internal error" {
			t.Errorf("got %v", err)
		}
		if got := log.String(); !strings.Contains(got, "value=secret") || !strings.Contains(got, "keeper_test.go") {
			t.Errorf("the log is %s", got)
		}
		if err := k.read(t.Context()); err != nil || len(*readings) != 2 || k.newest.Load() == nil {
			t.Errorf("%d readings, %v", len(*readings), err)
		}
	})
}

func TestKeeperEndsWithItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		life, end := context.WithCancel(t.Context())
		k, _ := newKeeper(t, time.Hour, always(nil))
		k.life = life
		caller := make(chan error)
		go func() { caller <- k.read(t.Context()) }()
		synctest.Wait()
		end()
		k.wait()
		if err := <-caller; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller got %v", err)
		}
		if err := k.read(t.Context()); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
	})
}

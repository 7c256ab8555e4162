package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

func TestEnding(t *testing.T) {
	lost := func(err error) error { return &postgres.Unavailable{Database: "shop", Err: err} }
	state := func(code string) error { return lost(&pgconn.PgError{Code: code}) }
	nothing, works := call.Ending{}, call.Ending{Sign: call.Works}
	fails, again := call.Ending{Sign: call.Fails}, call.Ending{Sign: call.Fails, Again: true}
	for _, c := range []struct {
		err  error
		want call.Ending
	}{
		{state("53300"), again},
		{state("57P01"), again},
		{state("57P02"), again},
		{state("57P03"), again},
		{state("08006"), again},
		{state("28P01"), fails},
		{state("28000"), fails},
		{state("3D000"), fails},
		{state("57P04"), fails},
		{state("57014"), works},
		{state("42501"), works},
		{state("53200"), works},
		{state("XX000"), works},
		{lost(io.ErrUnexpectedEOF), again},
		{lost(fmt.Errorf("read: %w", syscall.ECONNRESET)), again},
		{lost(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), again},
		{lost(context.DeadlineExceeded), fails},
		{&postgres.Unavailable{Err: io.EOF, Seen: true}, fails},
		{lost(&postgres.Unfit{Problem: "its role is a superuser", Role: true}), nothing},
		{&Error{SQLState: "40001", Code: Conflict}, call.Ending{Sign: call.Works, Again: true}},
		{&Error{SQLState: "40P01", Code: Conflict}, call.Ending{Sign: call.Works, Again: true}},
		{&Error{SQLState: "40001", Code: Conflict, Seen: true}, works},
		{&Error{SQLState: "40002", Code: Conflict}, works},
		{&Error{SQLState: "22012", Code: DataError}, works},
		{&Error{SQLState: "53200", Code: OutOfResources}, works},
		{&Error{Code: TooExpensive}, works},
		{&Error{SQLState: "57014", Code: Timeout}, nothing},
		{&Error{SQLState: "57014", Code: Cancelled}, nothing},
		{errors.New("a mistake of ours"), nothing},
	} {
		if got := Ending(c.err); got != c.want {
			t.Errorf("%v: got %+v, want %+v", c.err, got, c.want)
		}
	}
}

// However many pooled connections have died since they were used, one retry does.
func TestOneRetryMendsThePool(t *testing.T) {
	u, proxy := behind(t, pgtest.Open(t, itemsScript))
	db := open(t, u)
	limits := call.NewLimits(call.LimitSettings{}, nil)
	chain := call.New(call.Resilient(call.NewResilience(map[call.Kind]call.Dependency{
		call.Statement: {Read: Ending, Retry: call.Retry{Attempts: 2, BaseDelay: time.Millisecond, MaxDelay: time.Millisecond}},
	}, limits, slog.New(slog.DiscardHandler), nil)))
	for range 5 {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { run(t.Context(), db, ask("select pg_sleep(0.02)")) })
		}
		all.Wait()
		idle(t, db)
		if open := db.Health(t.Context()).Open; open < 2 {
			t.Fatalf("there are %d connections", open)
		}
		proxy.Cut()
		attempts := 0
		_, err := call.Do(t.Context(), chain, call.Op{Kind: call.Statement, Name: "shop"}, func(ctx context.Context) (*Result, error) {
			attempts++
			return run(ctx, db, ask("select 1"))
		})
		if err != nil || attempts > 2 {
			t.Errorf("%d attempts: %v", attempts, err)
		}
	}
}

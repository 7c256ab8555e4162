package query

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/observe"
	"github.com/pgmcp/pgmcp/internal/policy"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

// A flight takes one statement to the server and its rows back. Everything is
// sent at once, so it takes one network round trip:
//
//	BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY
//	SELECT set_config(…), …
//	the statement, alone in its own Parse message
//	ROLLBACK
//
// Only a limit of what is planned needs a second trip, for the EXPLAIN before. Whatever else
// has to be tidied up is done after the caller has the answer.
type flight struct {
	ctx      context.Context
	db       *postgres.Database
	conn     *postgres.Conn
	raw      *pgconn.PgConn
	release  func()        // stops watching ctx
	patience time.Duration // of one trip
	session  string        // its application name, once begun
	away     bool          // a Sync has been sent and its ReadyForQuery not read
	seen     bool          // a row of the newest trip has come
}

// An order is what a flight is asked to do.
type order struct {
	sql        string
	explain    bool // it is an EXPLAIN
	searchPath []string
	policy     *policy.Policy
	limits     policy.Limits
	requestID  string
}

const (
	// grace is how long the server may take to let us in, and to say that it has
	// stopped a statement after its timeout or after a cancel request.
	grace = 3 * time.Second

	// spill is how long to read on when rows are cut off, before the server is
	// told to stop. Often little is left, and a cancel request costs the server
	// a process.
	spill = 2 * time.Millisecond

	// repeat is how long to wait until the next cancel request. The server drops
	// one that it gets between two of our messages: between planning a statement
	// and executing it, say.
	repeat = 50 * time.Millisecond

	// planBytes bounds a plan.
	planBytes = 16 << 20
)

// depart borrows a connection, for statements that may take as long as timeout.
// It waits for one as long, and for a new one to be made.
func depart(ctx context.Context, db *postgres.Database, timeout time.Duration) (*flight, error) {
	waiting, cancel := context.WithTimeout(ctx, timeout+grace)
	defer cancel()
	conn, err := db.Acquire(waiting)
	if err != nil {
		return nil, err
	}
	f := &flight{ctx: ctx, db: db, conn: conn, raw: conn.Raw(), patience: timeout + grace}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		f.interrupt()
	})
	f.release = func() {
		if !stop() {
			<-interrupted
		}
	}
	return f, nil
}

// interrupt makes reading fail now. The connection stays as it is.
func (f *flight) interrupt() { f.raw.Conn().SetDeadline(time.Unix(1, 0)) }

// send queues a statement.
func (f *flight) send(sql string, values ...string) {
	bind := &pgproto3.Bind{}
	for _, v := range values {
		bind.Parameters = append(bind.Parameters, []byte(v))
	}
	to := f.raw.Frontend()
	to.SendParse(&pgproto3.Parse{Query: sql})
	to.SendBind(bind)
	to.SendDescribe(&pgproto3.Describe{ObjectType: 'P'})
	to.SendExecute(&pgproto3.Execute{})
}

// flush sends what is queued, as one trip. It must not be left out once
// something is queued, or the next flight on this connection would send it.
func (f *flight) flush(deadline time.Time) error {
	f.raw.Conn().SetDeadline(deadline)
	f.raw.Frontend().SendSync(&pgproto3.Sync{})
	f.away = true
	return f.raw.Frontend().Flush()
}

// begin queues what comes before every statement.
func (f *flight) begin(o order) {
	f.session = applicationName(o.requestID)
	f.send("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	sql, values := settingsSQL(settings(o))
	f.send(sql, values...)
}

// preliminaries are the statements that begin sends.
const preliminaries = 2

// rows runs the statement and collects its rows.
func (f *flight) rows(o order) (*Result, error) {
	before := preliminaries
	f.begin(o)
	if (o.limits.MaxCost > 0 || o.limits.MaxPlanRows > 0) && !o.explain {
		plan, err := f.estimate(o)
		if err != nil {
			return nil, err
		}
		if err := plan.within(o.limits); err != nil {
			return nil, err
		}
		before = 0
	}
	f.send(o.sql + comment(o.requestID))
	f.send("ROLLBACK")
	return f.collect(o, before)
}

// collect sends what is queued and collects the rows of the statement after so
// many others.
func (f *flight) collect(o order, before int) (*Result, error) {
	c := newCollector(o, f.db.Types())
	switch err := f.trip(o, before, c.maxMessage(), c.take); {
	case tooLong(err): // a row that alone is above the limit
		c.truncated = byBytes
	case err != nil:
		return nil, err
	case c.outdated:
		return nil, changed()
	}
	result := c.result()
	facts := call.FactsOf(f.ctx)
	facts.Rows, facts.Bytes = result.RowCount, len(result.Rows)
	return result, nil
}

// plan explains the statement.
func (f *flight) plan(o order) (*Plan, error) {
	call.FactsOf(f.ctx).Planned = true
	f.begin(o)
	return f.estimate(o, "ROLLBACK")
}

// estimate explains the statement and then, on the same trip, runs others.
func (f *flight) estimate(o order, then ...string) (*Plan, error) {
	const explain = "EXPLAIN (FORMAT JSON) "
	f.send(explain + o.sql + comment(o.requestID))
	for _, sql := range then {
		f.send(sql)
	}
	var text []byte
	err := f.trip(o, preliminaries, planBytes, func(m pgproto3.BackendMessage) bool {
		if row, ok := m.(*pgproto3.DataRow); ok {
			text = append(text, row.Values[0]...)
		}
		return true
	})
	if e, ok := errors.AsType[*Error](err); ok && e.Position > len(explain) {
		e.Position -= len(explain)
	}
	if err != nil {
		return nil, err
	}
	return parsePlan(text)
}

// trip sends what is queued and hands the messages that belong to the statement
// after so many others to take, until that returns false.
func (f *flight) trip(o order, before, maxMessage int, take func(pgproto3.BackendMessage) bool) error {
	start := time.Now()
	f.seen = false
	call.FactsOf(f.ctx).Trips++
	observe.Event(f.ctx, "sent")
	f.raw.Frontend().SetMaxBodyLen(maxMessage)
	if err := f.flush(start.Add(f.patience)); err != nil {
		return f.failed(err, o, start)
	}
	if f.ctx.Err() != nil { // and the deadline was set after the interrupt, perhaps
		f.interrupt()
	}
	var refused error
	for done := 0; ; {
		m, err := f.raw.ReceiveMessage(context.Background()) // ctx is watched for all of them at once
		if tooLong(err) && done == before {
			return err
		}
		if err != nil {
			return f.failed(err, o, start)
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			if done < before {
				refused = fmt.Errorf("prepare transaction: SQLSTATE %s", m.Code)
			} else {
				refused = f.failed(pgconn.ErrorResponseToPgError(m), o, start)
			}
		case *pgproto3.ReadyForQuery:
			f.away = false
			observe.Event(f.ctx, "ready")
			return refused
		case *pgproto3.CommandComplete, *pgproto3.EmptyQueryResponse:
			done++
		default:
			if _, row := m.(*pgproto3.DataRow); row && done == before {
				f.seen = true
			}
			if done == before && !take(m) {
				return nil
			}
		}
	}
}

// failed gives an error of a trip its meaning.
func (f *flight) failed(err error, o order, start time.Time) error {
	var server *pgconn.PgError
	var network net.Error
	switch timedOut := errors.As(err, &network) && network.Timeout(); {
	case errors.As(err, &server) && !gone(server):
		e := serverError(server, o, time.Since(start))
		e.Seen = f.seen
		return e
	case timedOut && f.ctx.Err() != nil:
		return left(f.ctx)
	case timedOut:
		return timeout(o)
	}
	f.db.Distrust()
	return &postgres.Unavailable{Database: f.db.Name, Err: err, Seen: f.seen}
}

// tooLong reports whether the server sent a message above the limit.
func tooLong(err error) bool {
	var e *pgproto3.ExceededMaxBodyLenErr
	return errors.As(err, &e)
}

// land gives the connection back. If there is something to tidy up, the caller
// does not wait for that; who closes the pool does.
func (f *flight) land() {
	f.release()
	if f.away || f.raw.TxStatus() != 'I' {
		go f.clear()
		return
	}
	f.raw.Conn().SetDeadline(time.Time{})
	f.conn.Release()
}

// clear ends what is still running on the server, and the transaction, or else
// abandons the connection.
func (f *flight) clear() {
	defer f.conn.Release()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if f.raw.IsClosed() {
		return
	}
	if err := f.finish(ctx); err != nil {
		f.conn.Abandon(f.session)
	}
}

func (f *flight) finish(ctx context.Context) error {
	end, _ := ctx.Deadline()
	for pause := spill; f.away; pause = repeat {
		err := f.drain(time.Now().Add(pause))
		if err == nil {
			break
		}
		if ctx.Err() != nil || f.raw.IsClosed() {
			return err
		}
		if err := f.raw.CancelRequest(ctx); err != nil {
			return err
		}
	}
	if ctx.Err() != nil { // a request without an answer could hit what comes next
		return ctx.Err()
	}
	if f.raw.TxStatus() != 'I' { // the server skips the ROLLBACK after an error
		f.send("ROLLBACK")
		if err := f.flush(end); err != nil {
			return err
		}
		if err := f.drain(end); err != nil {
			return err
		}
	}
	return f.raw.Conn().SetDeadline(time.Time{})
}

// drain drops messages until the server is ready.
func (f *flight) drain(deadline time.Time) error {
	f.raw.Conn().SetDeadline(deadline)
	for {
		m, err := f.raw.ReceiveMessage(context.Background())
		if err != nil {
			return err
		}
		if _, ready := m.(*pgproto3.ReadyForQuery); ready {
			f.away = false
			return nil
		}
	}
}

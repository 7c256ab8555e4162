package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmcp/pgmcp/internal/call"
)

// Unavailable is the error of a database that cannot be reached. Its text names
// the database and the kind of trouble, and no address, user or secret.
type Unavailable struct {
	Database string
	Err      error // may hold what the text leaves out
	Seen     bool  // the connection was lost after rows had come
}

func (e *Unavailable) Error() string {
	return fmt.Sprintf("database %s is not available: %s", e.Database, trouble(e.Err))
}

func (e *Unavailable) Unwrap() error { return e.Err }

// Hint says what would help.
func (e *Unavailable) Hint() string { return remedy(e.Database, e.Err) }

// Ending is what the error means for a statement and for the breaker. What pgmcp
// itself does not want, such as a role that can do too much, is no failure.
func (e *Unavailable) Ending() call.Ending {
	_, unfit := errors.AsType[*Unfit](e.Err)
	_, orphaned := errors.AsType[errOrphans](e.Err)
	if unfit || orphaned || errors.Is(e.Err, errBusy) || errors.Is(e.Err, errClosed) || errors.Is(e.Err, errInternal) {
		return call.Ending{}
	}
	if server, ok := errors.AsType[*pgconn.PgError](e.Err); ok && !shut(server.Code) {
		return call.Ending{Sign: call.Works}
	}
	return call.Ending{Sign: call.Fails, Again: !e.Seen && passing(e.Err)}
}

// shut reports whether a server with this SQLSTATE lets nobody in, or throws them
// out. With any other it has answered.
func shut(code string) bool {
	switch code {
	case "53300", "3D000": // no connection left, no such database
		return true
	}
	for _, class := range []string{"08", "28", "57P"} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	return false
}

// passing reports whether trouble can be over at once: the server has no
// connection left, stops or starts, or this one connection was lost or never made.
func passing(err error) bool {
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch server.Code {
		case "53300", "57P01", "57P02", "57P03", "57P05":
			return true
		}
		return strings.HasPrefix(server.Code, "08")
	}
	if pgconn.SafeToRetry(err) {
		return true
	}
	for _, lost := range []error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNREFUSED, syscall.ENOENT,
	} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return false
}

// remedy is what would help against trouble with a database.
func remedy(database string, err error) string {
	switch unfit, ok := errors.AsType[*Unfit](err); {
	case !ok:
		return "try again later"
	case unfit.Role:
		return fmt.Sprintf(`the operator can connect as a role made by "pgmcp grants CONFIG --db %s", or set security.allow_privileged_role`, database)
	}
	return "trying again will not help: the operator has to change the database or its url"
}

var (
	errBusy     = errors.New("all connections are in use") // until the caller's time was up
	errClosed   = errors.New("pgmcp is shutting down")
	errInternal = errors.New("internal error") // a panic, which the log has
)

// unavailable turns err into an *Unavailable, unless the caller has left.
func (d *Database) unavailable(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case d.keeper.life.Err() != nil:
		err = errClosed
	case ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return context.Cause(ctx)
	case ctx.Err() != nil && d.pool.Stat().AcquiredConns() == d.pool.Stat().MaxConns():
		err = errBusy
	}
	return &Unavailable{Database: d.Name, Err: err}
}

// troubles are SQLSTATEs of a server that does not let anyone in, or throws
// them out, in words.
var troubles = map[string]string{
	"28000": "authentication failed",
	"28P01": "authentication failed",
	"3D000": "database does not exist",
	"42501": "permission denied",
	"53300": "the server has no connection left",
	"57014": "timeout",
	"57P01": "the server is shutting down",
	"57P02": "the server is restarting after a crash",
	"57P03": "the server is starting up",
}

// trouble says what kind of trouble err is, in words that give nothing away.
func trouble(err error) string {
	var (
		unfit    *Unfit
		server   *pgconn.PgError
		dns      *net.DNSError
		timeout  net.Error
		hostname x509.HostnameError
		issuer   x509.UnknownAuthorityError
		invalid  *tls.CertificateVerificationError
		record   tls.RecordHeaderError
		orphaned errOrphans
	)
	switch {
	case errors.As(err, &unfit):
		return unfit.Problem
	case errors.As(err, &server):
		if text := troubles[server.Code]; text != "" {
			return text
		}
		return "the server says SQLSTATE " + server.Code
	case errors.Is(err, errBusy):
		return errBusy.Error()
	case err == errClosed, err == errInternal, errors.As(err, &orphaned):
		return err.Error()
	case errors.As(err, &dns):
		return "host not found"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT): // the latter for a socket file
		return "connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "host not reachable"
	case errors.As(err, &hostname), errors.As(err, &issuer), errors.As(err, &invalid), errors.As(err, &record):
		return "no trusted TLS connection"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection lost"
	}
	return "connection failed"
}

package query

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// An Error is what PostgreSQL said of a statement, without details that could
// hold data.
type Error struct {
	SQLState string // empty: pgmcp stopped it, not PostgreSQL
	Code     string // a stable name, see the constants
	Message  string
	Position int // in characters from 1; 0: none
	Hint     string
	Seen     bool // rows had come before it
}

func (e *Error) Error() string { return e.Message }

// Is makes a Timeout a context.DeadlineExceeded and Cancelled a context.Canceled.
func (e *Error) Is(target error) bool {
	return e.Code == Timeout && target == context.DeadlineExceeded ||
		e.Code == Cancelled && target == context.Canceled
}

// The codes of errors.
const (
	Timeout          = "timeout"   // it ran or waited too long
	Cancelled        = "cancelled" // the caller left, or an administrator stopped it
	TooExpensive     = "too_expensive"
	Locked           = "locked"
	UnknownTable     = "unknown_table"
	UnknownColumn    = "unknown_column"
	UnknownFunction  = "unknown_function" // or operator, for the types of its arguments
	AmbiguousColumn  = "ambiguous_column"
	Grouping         = "grouping_error"
	TypeMismatch     = "type_mismatch"
	Syntax           = "syntax_error"
	InvalidStatement = "invalid_statement"
	DataError        = "data_error" // a value does not allow the operation
	PermissionDenied = "permission_denied"
	ReadOnly         = "read_only"
	NotSupported     = "not_supported"
	TooComplex       = "too_complex"
	OutOfResources   = "out_of_resources"
	Conflict         = "conflict"         // running it again can succeed
	Raised           = "function_error"   // by a function's own code
	Changed          = "database_changed" // since its catalog was read: the statement must be checked again
	Internal         = "internal_error"
)

// A meaning is what a SQLSTATE, or a class of them, is to the caller. Where tell
// is set, PostgreSQL's own words are better than message, and are of the
// statement's names and types only.
type meaning struct {
	code, message, hint string
	tell                bool
}

const lookAgain = "look up the tables and their columns again, they may have changed"

var meanings = map[string]meaning{
	"42P01": {UnknownTable, "a table does not exist", lookAgain, true},
	"42703": {UnknownColumn, "a column does not exist", lookAgain, true},
	"42883": {UnknownFunction, "no function or operator takes arguments of these types", "add explicit casts, such as x::text", true},
	"42725": {UnknownFunction, "several functions or operators take arguments of these types", "add explicit casts, such as x::text", true},
	"42702": {AmbiguousColumn, "a column name is ambiguous", "put the table's name or alias before it", true},
	"42803": {Grouping, "a column must be grouped by or aggregated", "add it to GROUP BY, or use it in an aggregate", true},
	"42P20": {Grouping, "a window function is not allowed here", "compute it in a subquery", true},
	"42804": {TypeMismatch, "the types do not match", "add explicit casts, such as x::text", true},
	"42846": {TypeMismatch, "there is no such cast", "", true},
	"42P18": {TypeMismatch, "a type cannot be determined", "add explicit casts, such as x::text", true},
	"42704": {InvalidStatement, "something that the statement names does not exist", lookAgain, true},
	"42P10": {InvalidStatement, "a column reference is invalid", "ORDER BY of SELECT DISTINCT needs expressions of the select list", true},
	"42601": {Syntax, "the syntax is wrong", "", true},
	"42501": {PermissionDenied, "PostgreSQL does not allow pgmcp's role to read something that the statement names", "use other tables or columns", false},
	"42":    {InvalidStatement, "PostgreSQL cannot make sense of the statement", "", false},

	"21000": {DataError, "a subquery that is used as a value gave more than one row", "add LIMIT 1 or an aggregate, or use IN", false},
	"22012": {DataError, "division by zero", "divide by nullif(x, 0)", false},
	"22003": {DataError, "a number is out of range", "cast to numeric before calculating", false},
	"22007": {DataError, "a text value is no date or time", "filter such values out before casting", false},
	"22008": {DataError, "a date or time is out of range", "", false},
	"22P02": {DataError, "a text value does not have the form of the type that it is cast to", "filter such values out before casting", false},
	"2201B": {DataError, "a regular expression is invalid", "", false},
	"22":    {DataError, "a value does not allow the operation", "", false},

	"55P03": {Locked, "another session has locked a table", "try again later", false},
	"25006": {ReadOnly, "the statement would write, and only reading is allowed", "", false},
	"0A":    {NotSupported, "PostgreSQL does not support this", "", false},
	"54":    {TooComplex, "the statement is too complex", "split it up", false},
	"53":    {OutOfResources, "the server ran out of memory, disk or temporary space", "read fewer rows, or sort and group less", false},
	"40":    {Conflict, "the statement was in conflict with other work on the server", "try again", false},
	"P0":    {Raised, "a function raised an error", "", false},
	"XX":    {Internal, "PostgreSQL had an internal error", "", false},
}

// serverError gives an error of the server its meaning. Its detail, hint and
// context are dropped, and so is its message but for those about names and types
// that PostgreSQL found wrong before anything ran.
func serverError(e *pgconn.PgError, o order, elapsed time.Duration) *Error {
	if e.Code == "57014" && elapsed >= o.limits.StatementTimeout {
		return timeout(o)
	}
	if e.Code == "57014" {
		return &Error{SQLState: e.Code, Code: Cancelled, Message: "the statement was cancelled"}
	}
	m, known := meanings[e.Code]
	if !known {
		m, known = meanings[e.Code[:min(2, len(e.Code))]]
	}
	if !known {
		m = meaning{code: Internal, message: "PostgreSQL refused the statement with SQLSTATE " + e.Code}
	}
	own := e.Where == "" && e.InternalQuery == "" // not of code that a function runs
	x := &Error{SQLState: e.Code, Code: m.code, Message: m.message, Hint: m.hint}
	if own {
		x.Position = int(e.Position)
	}
	if m.tell && own && e.Position > 0 {
		x.Message = e.Message
	}
	return x
}

// outdated reports whether the statement was approved by a catalog that is not
// true any more.
func (e *Error) outdated() bool {
	if e.Code == Changed {
		return true
	}
	switch e.SQLState {
	case "42P01", "42703", "42883", "42704":
		return true
	}
	return false
}

// gone reports whether the server ended the connection, and not the statement.
func gone(e *pgconn.PgError) bool {
	switch e.Code {
	case "57P01", "57P02", "57P03", "57P05":
		return true
	}
	return strings.HasPrefix(e.Code, "08")
}

func timeout(o order) *Error {
	return &Error{
		SQLState: "57014",
		Code:     Timeout,
		Message:  fmt.Sprintf("the statement was stopped after %v", o.limits.StatementTimeout),
		Hint:     "filter by an indexed column, join on keys, or aggregate fewer rows",
	}
}

// left is the error of a caller who does not wait any longer.
func left(ctx context.Context) *Error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Error{Code: Timeout, Message: "the caller's time was up before the statement ended"}
	}
	return &Error{Code: Cancelled, Message: "the statement was cancelled"}
}

// changed is the error of a statement that meant something else when it ran than
// when it was approved.
func changed() *Error {
	return &Error{
		Code:    Changed,
		Message: "a table or column that the statement names was changed since the catalog was read",
		Hint:    "send it again in a moment: the catalog is being read anew",
	}
}

// tooExpensive is for an estimate that is above its limit; what names it.
func tooExpensive(what string, estimate, limit float64) *Error {
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	return &Error{
		Code:    TooExpensive,
		Message: fmt.Sprintf("the planner estimates "+what+", and the limit is %s", number(estimate), number(limit)),
		Hint:    "filter by an indexed column, join on keys, or aggregate fewer rows",
	}
}

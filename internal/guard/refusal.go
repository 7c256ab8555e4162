package guard

import "fmt"

// A Code is a stable reason for a refusal, for callers to act on and tests to name.
type Code string

// The codes of refusals; docs/refusals.md shows an example of each.
const (
	TooLong           Code = "too_long"            // too much text, or nested too deeply
	BadText           Code = "bad_text"            // not UTF-8, or holds a NUL byte
	Syntax            Code = "syntax_error"        // PostgreSQL's grammar does not accept it
	NotOneStatement   Code = "not_one_statement"   // none, or several
	NotReadOnly       Code = "not_read_only"       // anything but SELECT, VALUES, TABLE and EXPLAIN of those
	ExplainNotAllowed Code = "explain_not_allowed" // the policy forbids EXPLAIN, or the option is not allowed
	NotSupported      Code = "not_supported"       // a construct that the guard does not know
	UnknownTable      Code = "unknown_table"
	UnknownColumn     Code = "unknown_column"
	AmbiguousColumn   Code = "ambiguous_column"
	UnknownFunction   Code = "unknown_function"
	UnknownType       Code = "unknown_type"
	BlockedSchema     Code = "blocked_schema"
	BlockedTable      Code = "blocked_table"
	BlockedColumn     Code = "blocked_column"
	BlockedFunction   Code = "blocked_function"
	BlockedOperator   Code = "blocked_operator"
	BlockedType       Code = "blocked_type"
	Internal          Code = "internal" // the guard itself failed: a mistake in pgmcp
)

// A Refusal is the error of a statement that may not run.
type Refusal struct {
	Code    Code
	Message string // for a person or a model to act on
	// Position is where in the statement, in characters from 1 as PostgreSQL
	// counts; 0 means no place in particular.
	Position int
	Hint     string // what would be right; never names anything blocked
}

func (r *Refusal) Error() string { return fmt.Sprintf("refused: %s: %s", r.Code, r.Message) }

package mcpserver

import (
	"slices"

	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/query"
)

// Codes are all codes that a [Reason] can have, sorted.
func Codes() []string {
	codes := []string{
		// the guard's
		string(guard.TooLong), string(guard.BadText), string(guard.Syntax), string(guard.NotOneStatement),
		string(guard.NotReadOnly), string(guard.ExplainNotAllowed), string(guard.NotSupported),
		string(guard.UnknownTable), string(guard.UnknownColumn), string(guard.AmbiguousColumn),
		string(guard.UnknownFunction), string(guard.UnknownType), string(guard.BlockedSchema),
		string(guard.BlockedTable), string(guard.BlockedColumn), string(guard.BlockedFunction),
		string(guard.BlockedOperator), string(guard.BlockedType),
		// PostgreSQL's, and what stops a statement there
		query.Timeout, query.Cancelled, query.TooExpensive, query.Locked, query.UnknownTable,
		query.UnknownColumn, query.UnknownFunction, query.AmbiguousColumn, query.Grouping,
		query.TypeMismatch, query.Syntax, query.InvalidStatement, query.DataError,
		query.PermissionDenied, query.ReadOnly, query.NotSupported, query.TooComplex,
		query.OutOfResources, query.Conflict, query.Raised, query.Changed, query.Internal,
		// of questions and models
		"question_empty", "question_too_long", "no_model", "budget_exceeded", "model_busy", "model_failed",
		string(llm.Unreachable), string(llm.TimedOut), string(llm.Rejected), string(llm.Refused),
		string(llm.CutOff), string(llm.Malformed), string(llm.NoGolden),
		// of calls
		"invalid_arguments", "unknown_tool", "unknown_database", "database_required", "database_unavailable", "breaker_open",
		"rate_limited", "too_busy", "audit_failed", "shutting_down",
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

package guard

import (
	"fmt"
	"strings"

	"github.com/pgmcp/pgmcp/internal/policy"
)

// routine is PostgreSQL's own routine of a name, or nil if this server has none.
// A bare name that has one means it first, whatever users have made.
func (r *resolver) routine(name string) *policy.Routine {
	if routine := policy.RoutineNamed(name); routine != nil && routine.In(r.policy.Release()) {
		return routine
	}
	return nil
}

// takes reports whether pg_catalog has a function of the name that can be called
// with so many arguments.
func (r *resolver) takes(name string, arguments int) bool {
	routine := policy.RoutineNamed(name)
	return routine != nil && routine.Takes(arguments, r.policy.Release())
}

// refuseRoutine refuses a routine of PostgreSQL's own and says what it does, and
// what to do instead.
func (r *resolver) refuseRoutine(name, hint string, at int32) {
	class := policy.RoutineNamed(name).Class
	if class.MayBeCalled() { // but the policy blocks it
		r.refuse(BlockedFunction, at, hint, "PostgreSQL's own function %s may not be called: it is blocked", name)
		return
	}
	if hint == "" {
		hint = insteadOf(name, class)
	}
	r.refuse(BlockedFunction, at, hint, "PostgreSQL's own function %s may not be called: %s", name, class.Reason())
}

// newerRoutine is a hint for who calls a function that a newer server would have.
func (r *resolver) newerRoutine(name string) string {
	routine := policy.RoutineNamed(name)
	if routine == nil || routine.Since() <= r.policy.Release() {
		return ""
	}
	return fmt.Sprintf("PostgreSQL has it from release %d on; this server is %d", routine.Since(), r.policy.Release())
}

// insteadOf is a hint, for those routines that something can be done instead of.
func insteadOf(name string, class policy.Class) string {
	switch {
	case strings.Contains(name, "_to_xml"):
		return "write the query itself: xmlelement, xmlforest and xmlagg make XML of what it returns"
	case strings.HasSuffix(name, "_description"):
		return askForDetails
	case strings.HasPrefix(name, "pg_get_function"):
		return askForFunctions
	}
	switch name {
	case "pg_relation_size", "pg_total_relation_size", "pg_table_size", "pg_indexes_size", "pg_stat_get_live_tuples":
		return askForRows
	case "ts_stat":
		return "unnest(to_tsvector(…)) lists the words of a text"
	case "ts_rewrite":
		return "write the query as it is to be, or combine queries with && and ||"
	case "nextval", "currval", "lastval", "pg_sequence_last_value":
		return "max(COLUMN) is the highest number in use"
	case "pg_get_constraintdef", "pg_get_indexdef", "pg_get_partkeydef":
		return askForDetails
	case "setseed":
		return "order by md5(COLUMN::text) for a sample that stays the same"
	}
	for _, about := range []string{"has_table_", "has_column_", "has_any_column_", "pg_get_viewdef", "to_regclass", "regclass", "pg_partition_"} {
		if strings.HasPrefix(name, about) {
			return askForObjects
		}
	}
	return ""
}

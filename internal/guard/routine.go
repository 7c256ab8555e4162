package guard

import "github.com/pgmcp/pgmcp/internal/policy"

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

package call

import "context"

// Facts are what an operation finds out about itself while it runs, for the
// layers that report it once it has ended. What does not apply stays zero. An
// operation that no layer let through has none.
type Facts struct {
	Database  string
	SQL       string // the statement, or the newest of several that were tried
	Planned   bool   // it was planned, not run
	Tables    []string
	Columns   []string
	Question  string
	Status    string   // how a question ended
	Source    string   // where the SQL of an answer came from
	Score     *float64 // how far an answer can be trusted, from 0 to 1
	Rows      int      // that were given out
	Bytes     int      // of these rows
	Trips     int      // to the server and back
	TokensIn  int      // of a prompt
	TokensOut int      // of a reply
	Cost      float64  // of both, in the currency of the configuration's prices
}

type factsKey struct{}

// FactsOf are the facts of the innermost operation that ctx belongs to, to be
// filled in by whoever carries it out. Outside of operations nobody reads them.
func FactsOf(ctx context.Context) *Facts {
	if f, ok := ctx.Value(factsKey{}).(*Facts); ok {
		return f
	}
	return &Facts{}
}

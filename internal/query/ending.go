package query

import (
	"errors"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

// Ending is what the error of a statement means for its database, and whether
// the statement can run once more: after a conflict with others, or where its
// connection failed. It changes nothing, so running it twice does no harm; but of
// rows that somebody has seen there is no second version.
func Ending(err error) call.Ending {
	if e, ok := errors.AsType[*postgres.Unavailable](err); ok {
		return e.Ending()
	}
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok, e.Code == Timeout, e.Code == Cancelled:
		return call.Ending{}
	case e.SQLState == "40001", e.SQLState == "40P01":
		return call.Ending{Sign: call.Works, Again: !e.Seen}
	}
	return call.Ending{Sign: call.Works}
}

package query

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/guard"
)

// RunTogether runs statements of one database one after the other in one
// transaction, so that all see the same data, and returns the result of each. It
// ends at the first that fails, with its error, or whose rows are cut off: then
// there are fewer results than statements. All are one operation. No cost limit
// holds; a statement that may be above it has to be run or planned by itself first.
func (r *Runner) RunTogether(ctx context.Context, statements []guard.Statement) ([]*Result, error) {
	if len(statements) == 0 {
		return nil, nil
	}
	for _, s := range statements {
		if s.Policy() == nil || s.Policy().Database != statements[0].Policy().Database {
			return nil, errors.New("run statements together: they are not approved for one database")
		}
	}
	return fly(ctx, r, statements[0], func(f *flight, _ order) ([]*Result, error) {
		orders := make([]order, len(statements))
		texts, tables, columns := make([]string, len(statements)), map[string]bool{}, map[string]bool{}
		for i, s := range statements {
			orders[i], texts[i] = orderOf(f.ctx, s), s.SQL()
			for _, name := range s.Reads().Tables {
				tables[name] = true
			}
			for _, name := range s.Reads().Columns {
				columns[name] = true
			}
		}
		facts := call.FactsOf(f.ctx)
		facts.SQL = strings.Join(texts, ";\n")
		facts.Tables, facts.Columns = slices.Sorted(maps.Keys(tables)), slices.Sorted(maps.Keys(columns))
		return f.together(orders)
	})
}

// together runs orders in one transaction, each on a trip of its own.
func (f *flight) together(orders []order) ([]*Result, error) {
	var results []*Result
	var count, size int
	before := preliminaries
	f.begin(orders[0])
	for i, o := range orders {
		f.send(o.sql + comment(o.requestID))
		if i == len(orders)-1 {
			f.send("ROLLBACK")
		}
		result, err := f.collect(o, before)
		if err != nil {
			return results, err
		}
		count, size = count+result.RowCount, size+len(result.Rows)
		facts := call.FactsOf(f.ctx)
		facts.Rows, facts.Bytes = count, size
		if results = append(results, result); result.Truncated != "" {
			break // what is left of it is still on its way
		}
		before = 0
	}
	return results, nil
}

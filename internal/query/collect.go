package query

import (
	"encoding/json"
	"math"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgmcp/pgmcp/internal/policy"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

// What cut rows off.
const (
	byRows  = "rows"
	byBytes = "bytes"
)

// A collector encodes rows as they come, up to the limits. It keeps no more
// than they allow.
type collector struct {
	policy    *policy.Policy // by which the statement was approved
	limits    policy.Limits
	types     postgres.Types
	columns   []Column
	encoders  []encoder
	rows      []byte // a JSON array, its end still missing
	count     int
	truncated string
	outdated  bool // the result is of what may not be read: none of it is taken
}

func newCollector(o order, types postgres.Types) *collector {
	return &collector{policy: o.policy, limits: o.limits, types: types, columns: []Column{}, rows: []byte{'['}}
}

// maxMessage bounds a message of the server, so that one huge value does not
// fill the memory: a row that encodes to fewer bytes than the limit is not
// longer than this, whatever its columns are, and neither is their description.
func (c *collector) maxMessage() int {
	const room = 256 << 10
	return int(min(c.limits.MaxBytes+room, math.MaxInt32))
}

// take takes a message, and returns false when it has all it may have.
func (c *collector) take(m pgproto3.BackendMessage) bool {
	switch m := m.(type) {
	case *pgproto3.RowDescription:
		if c.outdated = unreadable(c.policy, m.Fields); !c.outdated {
			c.describe(m.Fields)
		}
	case *pgproto3.DataRow:
		c.add(m.Values)
	}
	return c.truncated == "" && !c.outdated
}

func (c *collector) describe(fields []pgproto3.FieldDescription) {
	for _, f := range fields {
		name := c.types[f.DataTypeOID].Name
		if name == "" {
			name = "unknown" // made after the catalog was read
		}
		c.columns = append(c.columns, Column{string(f.Name), name})
		c.encoders = append(c.encoders, encoderOf(f.DataTypeOID, c.types))
	}
}

func (c *collector) add(values [][]byte) {
	if c.count == c.limits.MaxRows {
		c.truncated = byRows
		return
	}
	before := len(c.rows)
	if c.count > 0 {
		c.rows = append(c.rows, ',')
	}
	c.rows = append(c.rows, '[')
	for i, v := range values {
		if i > 0 {
			c.rows = append(c.rows, ',')
		}
		if v == nil {
			c.rows = append(c.rows, "null"...)
		} else {
			c.rows = c.encoders[i](c.rows, v)
		}
	}
	c.rows = append(c.rows, ']')
	if int64(len(c.rows)+len("]")) > c.limits.MaxBytes {
		c.rows = c.rows[:before]
		c.truncated = byBytes
		return
	}
	c.count++
}

func (c *collector) result() *Result {
	return &Result{
		Columns:   c.columns,
		Rows:      json.RawMessage(append(c.rows, ']')),
		RowCount:  c.count,
		Truncated: c.truncated,
	}
}

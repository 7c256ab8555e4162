package query

import (
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// unreadable reports whether a column of a result comes from what the policy does
// not let be read. The guard has approved the names; PostgreSQL says what they
// meant when the statement ran, by OID and number, which renaming does not change:
// a star that now stands for more columns, or a name that is another column's now.
// Only what is passed through as it is has an origin, and of a whole row only its
// table is told, so this is no verdict.
func unreadable(p *policy.Policy, fields []pgproto3.FieldDescription) bool {
	for _, f := range fields {
		if f.TableOID < catalog.FirstUserOID {
			continue // computed, or PostgreSQL's own
		}
		r := p.Catalog.ByOID(f.TableOID)
		if r == nil || !p.Only(r) {
			return true
		}
		switch number := int16(f.TableAttributeNumber); {
		case number < 0: // a system column
		case number == 0: // the whole row
			for i := range r.Columns {
				if !p.OnlyColumn(r, &r.Columns[i]) {
					return true
				}
			}
		default:
			if c := r.Numbered(number); c == nil || !p.OnlyColumn(r, c) {
				return true
			}
		}
	}
	return false
}

package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Fingerprint identifies what the catalog holds: the names of database and
// server, statistics, owners, OIDs and the time of loading are left out, so that
// equal structures have equal fingerprints. It is computed anew each time.
func (c *Catalog) Fingerprint() string {
	sum := sha256.New()
	e := json.NewEncoder(sum)
	// Slices and structs without maps: nothing can fail, and the order is given.
	add := func(v any) { _ = e.Encode(v) }

	add(c.Schemas)
	for _, r := range c.Relations {
		n := *r
		n.OID, n.RowType, n.Owner, n.EstimatedRows = 0, 0, "", 0
		n.Columns = anonymous(r.Columns)
		n.Parents, n.Reads = nil, nil
		add(n)
		add(c.readNames(r))
		for _, parent := range r.Parents {
			if p := c.ByOID(parent); p != nil {
				add(p.String())
			}
		}
	}
	for _, x := range c.Enums {
		n := *x
		n.OID = 0
		add(n)
	}
	for _, f := range c.Functions {
		n := *f
		n.OID, n.ResultTypeOID, n.ResultElement, n.ArgumentTypes = 0, 0, 0, nil // Result and Arguments have their names
		n.OutColumns = anonymous(f.OutColumns)
		add(n)
	}
	for _, t := range c.Types {
		n := *t
		n.OID, n.Base, n.Element = 0, 0, 0
		n.Columns = anonymous(t.Columns)
		add(n)
		add(c.typeName(t.Base))
	}
	operators := make([]string, 0, len(c.Operators))
	for _, o := range c.Operators {
		operators = append(operators, o.Schema+"."+o.Name+"("+c.typeName(o.Left)+","+c.typeName(o.Right)+") "+c.functionName(o.Function))
	}
	casts := make([]string, 0, len(c.Casts))
	for _, k := range c.Casts {
		casts = append(casts, c.typeName(k.Source)+" "+c.typeName(k.Target)+" "+c.functionName(k.Function)+" "+k.Context)
	}
	slices.Sort(operators) // their own order is by OID
	slices.Sort(casts)
	add(operators)
	add(casts)
	add(c.Extensions)
	return hex.EncodeToString(sum.Sum(nil))
}

// anonymous are columns without what two equal databases may number differently.
func anonymous(columns []Column) []Column {
	columns = slices.Clone(columns)
	for i := range columns {
		columns[i].Number, columns[i].TypeOID, columns[i].Element, columns[i].GeneratedFrom = 0, 0, 0, nil
	}
	return columns
}

// readNames writes down what a view reads. Its definition says so too, but for one
// that was locked.
func (c *Catalog) readNames(view *Relation) []string {
	names := make([]string, 0, len(view.Reads))
	for _, d := range view.Reads {
		relation, column, output := strconv.Itoa(int(d.Relation)), strconv.Itoa(int(d.Column)), ""
		if r := c.ByOID(d.Relation); r != nil {
			relation = r.String()
			if x := r.Numbered(d.Column); x != nil {
				column = x.Name
			}
		}
		if x := view.Numbered(d.Output); x != nil {
			output = x.Name
		}
		names = append(names, fmt.Sprintf("%s %q %q %t %s %q %t", output, relation, column, d.Whole, c.functionName(d.Function), d.Builtin, d.Planned))
	}
	slices.Sort(names)
	return names
}

// functionName names a function; those below FirstUserOID are PostgreSQL's own.
func (c *Catalog) functionName(oid uint32) string {
	if f := c.FunctionByOID(oid); f != nil {
		return f.Schema + "." + f.Name + "(" + f.Arguments + ")"
	}
	return strconv.Itoa(int(oid))
}

// typeName names a type; those below FirstUserOID are PostgreSQL's own.
func (c *Catalog) typeName(oid uint32) string {
	if r := c.RowOf(oid); r != nil {
		return r.String()
	}
	if e := c.Enum(oid); e != nil {
		return e.Schema + "." + e.Name
	}
	if t := c.Type(oid); t != nil {
		return t.Schema + "." + t.Name
	}
	if oid < FirstUserOID {
		return strconv.Itoa(int(oid))
	}
	return "array" // of a user-defined type
}

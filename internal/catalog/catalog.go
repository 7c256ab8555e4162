// Package catalog holds what a database is made of, as one immutable snapshot:
// it loads it, resolves names in it as PostgreSQL does, and searches it. It
// knows no policy: a snapshot has everything, blocked or not.
package catalog

import "time"

// A Catalog is a snapshot. Nothing changes it once it is loaded, so any number
// of goroutines may read it.
type Catalog struct {
	Database      string    `json:"database"`       // current_database()
	ServerVersion int       `json:"server_version"` // server_version_num, such as 170004
	LoadedAt      time.Time `json:"loaded_at"`

	Schemas    []string     `json:"schemas"`    // every schema that is not PostgreSQL's own
	Relations  []*Relation  `json:"relations"`  // sorted by schema and name
	Enums      []*Enum      `json:"enums"`      // sorted likewise
	Functions  []*Function  `json:"functions"`  // every function that is not PostgreSQL's own
	Operators  []*Operator  `json:"operators"`  // every operator that is not PostgreSQL's own
	Types      []*Type      `json:"types"`      // every such domain, range, base and composite type
	Casts      []*Cast      `json:"casts"`      // every such cast
	Extensions []*Extension `json:"extensions"` // installed extensions

	index index // lookups, made when the first one is asked for
}

// Kind is what a relation is, as pg_class.relkind says it.
type Kind string

// The kinds of relation.
const (
	Table            Kind = "table"
	PartitionedTable Kind = "partitioned table"
	View             Kind = "view"
	MaterializedView Kind = "materialized view"
	ForeignTable     Kind = "foreign table"
	Sequence         Kind = "sequence"
)

// FirstUserOID is where the OIDs begin of what did not come with the server:
// FirstNormalObjectId in PostgreSQL's access/transam.h.
const FirstUserOID = 16384

// A Relation is a table or anything that a statement can read like one.
type Relation struct {
	OID     uint32 `json:"oid"`
	RowType uint32 `json:"row_type,omitempty"` // OID of the composite type of its rows (pg_class.reltype)
	Schema  string `json:"schema"`
	Name    string `json:"name"`
	Kind    Kind   `json:"kind"`
	Comment string `json:"comment,omitempty"`
	Owner   string `json:"owner"`

	EstimatedRows int64        `json:"estimated_rows"` // pg_class.reltuples; -1: never analysed
	Columns       []Column     `json:"columns"`        // in order, dropped ones left out
	PrimaryKey    []string     `json:"primary_key,omitempty"`
	Unique        [][]string   `json:"unique,omitempty"` // unique constraints and indexes over plain columns, the primary key left out
	ForeignKeys   []ForeignKey `json:"foreign_keys,omitempty"`
	Indexes       []Index      `json:"indexes,omitempty"`
	Parents       []uint32     `json:"parents,omitempty"`    // it is a partition or inheritance child of these relations
	Partition     string       `json:"partition,omitempty"`  // the partition bound, such as "FOR VALUES IN (1)"
	Reads         []Dependency `json:"reads,omitempty"`      // views: what their rule depends on
	Definition    string       `json:"definition,omitempty"` // views: pg_get_viewdef
}

// A Column is one column of a relation.
type Column struct {
	Name     string `json:"name"`
	Number   int16  `json:"number"` // pg_attribute.attnum
	Type     string `json:"type"`   // as format_type prints it, such as "numeric(10,2)"
	TypeOID  uint32 `json:"type_oid"`
	Element  uint32 `json:"element,omitempty"` // arrays: OID of the type of an element (pg_type.typelem where typsubscript is array's)
	Nullable bool   `json:"nullable,omitempty"`
	Default  string `json:"default,omitempty"` // or what a generated column is computed by
	Comment  string `json:"comment,omitempty"`

	GeneratedFrom []int16 `json:"generated_from,omitempty"` // the columns that a generated column is computed from
}

// A ForeignKey refers from columns of its relation to columns of another.
type ForeignKey struct {
	Columns    []string `json:"columns"`
	RefSchema  string   `json:"ref_schema"`
	RefTable   string   `json:"ref_table"`
	RefColumns []string `json:"ref_columns"`
}

// An Index is one index of a relation.
type Index struct {
	Name       string `json:"name"`
	Definition string `json:"definition"`
	Unique     bool   `json:"unique,omitempty"`
}

// A Dependency is one thing that a view's rule reads: a relation and what of it,
// a function, or a function of PostgreSQL's own.
//
// pg_depend alone would not do. It does not tell for which of the view's columns
// something is read, it forgets a whole-row reference where columns of the same
// relation are mentioned too, and it never knew of PostgreSQL's own relations and
// functions; the rule itself tells.
type Dependency struct {
	Relation uint32 `json:"relation,omitempty"` // OID of a relation, or 0; one that is not in the catalog is PostgreSQL's own
	Column   int16  `json:"column,omitempty"`   // its column; 0: none in particular, as in count(*); below 0: a system column
	Whole    bool   `json:"whole,omitempty"`    // some whole row is read, which may be this relation's
	Function uint32 `json:"function,omitempty"` // OID of a user-defined function, or 0
	Builtin  string `json:"builtin,omitempty"`  // name of a function of PostgreSQL's own, or ""
	Output   int16  `json:"output,omitempty"`   // number of the view's column that it is read for; 0: the view's rows depend on it, or may; Unused
	Planned  bool   `json:"planned,omitempty"`  // a plan can show it, even where a statement does not use the Output
}

// Unused is the Output of what is read for no column of the view, but can be in
// its plan.
const Unused = -1

// An Enum is an enum type and its labels, in their order.
type Enum struct {
	OID    uint32   `json:"oid"`
	Schema string   `json:"schema"`
	Name   string   `json:"name"`
	Labels []string `json:"labels"`
}

// A Function is a user-defined function, aggregate, window function or procedure.
type Function struct {
	OID             uint32   `json:"oid"`
	Schema          string   `json:"schema"`
	Name            string   `json:"name"`
	Kind            string   `json:"kind"`                     // "function", "aggregate", "window" or "procedure"
	Arguments       string   `json:"arguments"`                // as pg_get_function_identity_arguments prints them
	ArgumentTypes   []uint32 `json:"argument_types,omitempty"` // OIDs of the input arguments' types (pg_proc.proargtypes)
	Result          string   `json:"result"`                   // as pg_get_function_result prints it
	ResultTypeOID   uint32   `json:"result_type_oid"`
	ResultElement   uint32   `json:"result_element,omitempty"` // of an array: OID of the type of an element
	ReturnsSet      bool     `json:"returns_set,omitempty"`
	OutColumns      []Column `json:"out_columns,omitempty"` // OUT and TABLE columns, names and types
	Volatility      string   `json:"volatility"`            // "immutable", "stable" or "volatile"
	SecurityDefiner bool     `json:"security_definer,omitempty"`
	Language        string   `json:"language"`
	Extension       string   `json:"extension,omitempty"` // the extension it belongs to
	Comment         string   `json:"comment,omitempty"`
}

// An Operator is a user-defined operator.
type Operator struct {
	Schema    string `json:"schema"`
	Name      string `json:"name"`
	Left      uint32 `json:"left,omitempty"` // OIDs of the operands' types; 0: it has no left operand
	Right     uint32 `json:"right,omitempty"`
	Function  uint32 `json:"function"` // the OID of its function
	Extension string `json:"extension,omitempty"`
}

// A Type is a user-defined type that is neither an enum nor a relation's row.
type Type struct {
	OID       uint32   `json:"oid"`
	Schema    string   `json:"schema"`
	Name      string   `json:"name"`
	Kind      string   `json:"kind"`              // "base", "composite", "domain", "range" or "multirange"
	Base      uint32   `json:"base,omitempty"`    // domains: the OID of the type below; ranges: of the subtype
	Element   uint32   `json:"element,omitempty"` // if Base is an array: OID of the type of an element
	Columns   []Column `json:"columns,omitempty"` // composites: their attributes
	Check     bool     `json:"check,omitempty"`   // making a value calls code: a domain's CHECK, a range's canonical function
	Extension string   `json:"extension,omitempty"`
}

// A Cast is a user-defined cast.
type Cast struct {
	Source    uint32 `json:"source"` // type OIDs
	Target    uint32 `json:"target"`
	Function  uint32 `json:"function,omitempty"` // 0: binary coercible or by input and output
	Context   string `json:"context"`            // where PostgreSQL applies it by itself: "explicit" (nowhere), "assignment" or "implicit"
	Extension string `json:"extension,omitempty"`
}

// An Extension is an installed extension.
type Extension struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Schema  string `json:"schema"`
}

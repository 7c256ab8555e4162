package policy

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
)

// Rules are what a configuration says about one database.
type Rules struct {
	database string
	schemas  []string // that can be read, in the order of the search path

	blockedSchemas, blockedTables, blockedColumns, blockedFunctions []pattern

	allowedFunctions  []pattern
	allowedExtensions []string
	allowExplain      bool
	limits            Limits
	connections       int

	last atomic.Pointer[Policy] // closed over the catalog that was given last
}

// Limits bound one statement.
type Limits struct {
	MaxStatementSize int64 // bytes
	MaxTokens        int
	MaxRows          int
	MaxBytes         int64
	StatementTimeout time.Duration
	MaxCost          float64 // 0: no limit
	MaxPlanRows      float64 // 0: no limit
}

// Compile turns c into the rules of the database name: the common rules with what
// the database adds to their lists and replaces of their numbers and switches. c
// is valid and has that database.
func Compile(c *config.Config, name string) *Rules {
	database, s := c.Databases[name], c.Security
	limits := s.Limits
	if o := database.Security; o != nil {
		s.Blocked.Schemas = slices.Concat(s.Blocked.Schemas, o.Blocked.Schemas)
		s.Blocked.Tables = slices.Concat(s.Blocked.Tables, o.Blocked.Tables)
		s.Blocked.Columns = slices.Concat(s.Blocked.Columns, o.Blocked.Columns)
		s.Blocked.Functions = slices.Concat(s.Blocked.Functions, o.Blocked.Functions)
		s.AllowFunctions = slices.Concat(s.AllowFunctions, o.AllowFunctions)
		s.AllowExtensions = slices.Concat(s.AllowExtensions, o.AllowExtensions)
		replace(&s.AllowExplain, o.AllowExplain)
		replace(&limits.MaxStatementSize, o.Limits.MaxStatementSize)
		replace(&limits.MaxTokens, o.Limits.MaxTokens)
		replace(&limits.MaxRows, o.Limits.MaxRows)
		replace(&limits.MaxBytes, o.Limits.MaxBytes)
		replace(&limits.StatementTimeout, o.Limits.StatementTimeout)
		replace(&limits.MaxCost, o.Limits.MaxCost)
		replace(&limits.MaxPlanRows, o.Limits.MaxPlanRows)
	}
	connections := 0
	for _, d := range c.Databases {
		connections += d.Pool.Max
	}
	schemas := slices.Clone(database.Schemas)
	for i := range schemas {
		schemas[i] = truncate(schemas[i])
	}
	return &Rules{
		database:          name,
		schemas:           schemas,
		blockedSchemas:    parsePatterns(s.Blocked.Schemas),
		blockedTables:     parsePatterns(s.Blocked.Tables),
		blockedColumns:    parsePatterns(s.Blocked.Columns),
		blockedFunctions:  parsePatterns(s.Blocked.Functions),
		allowedFunctions:  parsePatterns(s.AllowFunctions),
		allowedExtensions: s.AllowExtensions,
		allowExplain:      s.AllowExplain,
		limits: Limits{
			MaxStatementSize: int64(limits.MaxStatementSize),
			MaxTokens:        limits.MaxTokens,
			MaxRows:          limits.MaxRows,
			MaxBytes:         int64(limits.MaxBytes),
			StatementTimeout: time.Duration(limits.StatementTimeout),
			MaxCost:          limits.MaxCost,
			MaxPlanRows:      limits.MaxPlanRows,
		},
		connections: connections,
	}
}

func replace[T any](value *T, by *T) {
	if by != nil {
		*value = *by
	}
}

// schema is the verdict on a schema by its name alone.
func (r *Rules) schema(name string) Verdict {
	switch {
	case anyMatches(r.blockedSchemas, name):
		return BlockedSchema
	case !slices.Contains(r.schemas, name):
		return ClosedSchema
	default:
		return Allowed
	}
}

// builtin reports whether a function of PostgreSQL's own may be called, if the
// server has it.
func (r *Rules) builtin(name string) bool {
	routine := RoutineNamed(name)
	return routine != nil && routine.Class.MayBeCalled() && !anyMatches(r.blockedFunctions, "pg_catalog", name)
}

// builtinOfView reports whether a view may have been built with a function of
// PostgreSQL's own. Beside what a statement may call that is what shows each
// reader only what is theirs.
func (r *Rules) builtinOfView(name string) bool {
	switch name {
	case "current_setting", "has_column_privilege", "has_schema_privilege", "has_table_privilege", "pg_has_role", "row_security_active":
		return !anyMatches(r.blockedFunctions, "pg_catalog", name)
	default:
		return r.builtin(name)
	}
}

// function reports whether a user-defined function may be called. What a blocked
// schema holds is blocked with it, and only CALL calls a procedure.
func (r *Rules) function(f *catalog.Function) bool {
	if f.Kind == "procedure" ||
		anyMatches(r.blockedSchemas, f.Schema) || anyMatches(r.blockedFunctions, f.Schema, f.Name) {
		return false
	}
	return r.extension(f.Extension) || anyMatches(r.allowedFunctions, f.Schema, f.Name)
}

func (r *Rules) extension(name string) bool {
	return name != "" && slices.Contains(r.allowedExtensions, name)
}

package mcpserver

import (
	"regexp"
	"slices"
	"strings"
)

var plainIdentifier = regexp.MustCompile(`^[a-z_][a-z0-9_$]*$`)

// reserved are the words that name nothing unless they are quoted.
const reserved = ` all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
 collation column concurrently constraint create cross current_catalog current_date current_role current_schema
 current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch for
 foreign freeze from full grant group having ilike in initially inner intersect into is isnull join lateral leading
 left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing
 primary references returning right select session_user similar some symmetric system_user table tablesample then to
 trailing true union unique user using variadic verbose when where window with `

// identifier is a name as SQL wants it, quoted where it must be.
func identifier(name string) string {
	if plainIdentifier.MatchString(name) && !slices.Contains(strings.Fields(reserved), name) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func identifiers(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = identifier(name)
	}
	return out
}

func tableName(schema, name string) string { return identifier(schema) + "." + identifier(name) }

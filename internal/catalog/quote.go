package catalog

import "strings"

// Quote is a name as SQL wants it: in quotes where it needs them.
func Quote(name string) string {
	if isPlain(name) && !reserved[name] {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// QuoteAll are names as SQL wants them.
func QuoteAll(names []string) []string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = Quote(name)
	}
	return quoted
}

// Quoted is the relation's name with its schema, as SQL wants it.
func (r *Relation) Quoted() string { return Quote(r.Schema) + "." + Quote(r.Name) }

// Quoted is the enum's name with its schema, as SQL wants it.
func (e *Enum) Quoted() string { return Quote(e.Schema) + "." + Quote(e.Name) }

// Quoted is the function's name with its schema, as SQL wants it.
func (f *Function) Quoted() string { return Quote(f.Schema) + "." + Quote(f.Name) }

// isPlain reports whether a name has only letters that PostgreSQL reads as they
// are without quotes, in whatever encoding.
func isPlain(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || c == '_'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '$') {
			return false
		}
	}
	return name != ""
}

// reserved are the words that no table or column can have as its name without
// quotes, in any version.
var reserved = set(`all analyse analyze and any array as asc asymmetric authorization binary both case cast check
	collate collation column concurrently constraint create cross current_catalog current_date current_role
	current_schema current_time current_timestamp current_user default deferrable desc distinct do else end except
	false fetch for foreign freeze from full grant group having ilike in initially inner intersect into is isnull
	join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order
	outer overlaps placing primary references returning right select session_user similar some symmetric system_user
	table tablesample then to trailing true union unique user using variadic verbose when where window with`)

func set(words string) map[string]bool {
	all := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		all[word] = true
	}
	return all
}

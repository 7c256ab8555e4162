package policy

import (
	"strings"
	"unicode/utf8"
)

// A pattern matches names joined by dots, part by part; in each part "*" stands
// for any run of characters. Everything else is compared as PostgreSQL stores it.
type pattern []string

func parsePattern(text string) pattern {
	parts := strings.Split(text, ".")
	for i, part := range parts {
		parts[i] = truncate(part)
	}
	return parts
}

func parsePatterns(texts []string) []pattern {
	patterns := make([]pattern, len(texts))
	for i, text := range texts {
		patterns[i] = parsePattern(text)
	}
	return patterns
}

// matches compares the last names with the pattern, so that TABLE.COLUMN fits a
// column in any schema and NAME a function in any schema.
func (p pattern) matches(names ...string) bool {
	if len(p) > len(names) {
		return false
	}
	names = names[len(names)-len(p):]
	for i, part := range p {
		if !glob(part, names[i]) {
			return false
		}
	}
	return true
}

func anyMatches(patterns []pattern, names ...string) bool {
	for _, p := range patterns {
		if p.matches(names...) {
			return true
		}
	}
	return false
}

func glob(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return name == pattern
	}
	if !strings.HasPrefix(name, head) {
		return false
	}
	name = name[len(head):]
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(name, rest)
		}
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name, rest = name[i+len(part):], more
	}
}

// maxName is the length of PostgreSQL's names in bytes; it cuts longer ones.
const maxName = 63

// truncate cuts a name where PostgreSQL cuts it: before the character that does
// not fit. Where this is before the first star, the star has nothing left to match.
func truncate(part string) string {
	head, _, _ := strings.Cut(part, "*")
	if len(head) <= maxName {
		return part
	}
	end := maxName
	for !utf8.RuneStart(head[end]) {
		end--
	}
	return head[:end]
}

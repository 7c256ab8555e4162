package policy

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPattern(t *testing.T) {
	long := strings.Repeat("x", 62)
	tests := []struct {
		pattern string
		name    string
		want    bool
	}{
		{"hr", "hr", true},
		{"hr", "HR", false},
		{"hr", "hr2", false},
		{"audit_*", "audit_2024", true},
		{"audit_*", "audit_", true},
		{"audit_*", "audit", false},
		{"*", "anything", true},
		{"*a*b*", "xaxbx", true},
		{"*a*b*", "xbxax", false},
		{"a*a", "a", false},
		{"ab*ba", "aba", false},
		{"*_hash", "password_hash", true},
		{"a?c", "abc", false},
		{"a[b]c", "abc", false},

		{"public.users", "public.users", true},
		{"public.users", "public.users2", false},
		{"public.*", "public.users", true},
		{"*.users", "hr.users", true},
		{"*.ssn", "public.users.ssn", true},
		{"users.ssn", "public.users.ssn", true},
		{"users.ssn", "public.old_users.ssn", false},
		{"hr.users.ssn", "public.users.ssn", false},
		{"pg_sleep", "pg_catalog.pg_sleep", true},
		{"public.users.ssn", "users", false},

		// PostgreSQL cuts names at 63 bytes, before a character that does not fit.
		{long + "yz", long + "y", true},
		{long + "y", long + "y", true},
		{long + "yz*", long + "y", true},
		{long + "yz*", long + "x", false},
		{long + "é", long, true},
		{"public." + long + "yz", "public." + long + "y", true},
	}
	for _, tt := range tests {
		if got := parsePattern(tt.pattern).matches(strings.Split(tt.name, ".")...); got != tt.want {
			t.Errorf("pattern %q, name %q: %v", tt.pattern, tt.name, got)
		}
	}
}

// FuzzPattern compares patterns with regular expressions that mean the same.
func FuzzPattern(f *testing.F) {
	f.Add("public.*_hash", "public.password_hash")
	f.Add("*a*b*", "xaxbx")
	f.Add("users.ssn", "public.users.ssn")
	f.Add("ab*ba", "aba")
	f.Fuzz(func(t *testing.T, text, name string) {
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == '.' || r == '*' }) {
			if len(part) > maxName {
				return // cut, as PostgreSQL does it: TestPattern
			}
		}
		if !utf8.ValidString(text) || !utf8.ValidString(name) {
			return
		}
		parts := strings.Split(regexp.QuoteMeta(text), `\.`)
		for i := range parts {
			parts[i] = strings.ReplaceAll(parts[i], `\*`, `[^.]*`)
		}
		want := regexp.MustCompile(`(?s)^([^.]*\.)*` + strings.Join(parts, `\.`) + `$`)
		if got := parsePattern(text).matches(strings.Split(name, ".")...); got != want.MatchString(name) {
			t.Errorf("pattern %q, name %q: %v", text, name, got)
		}
	})
}

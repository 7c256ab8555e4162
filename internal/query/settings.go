package query

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A setting holds for one transaction.
type setting struct{ name, value string }

// fixed are settings that decide how values are read and printed, and what a
// statement means. The server's own, its database's and its role's may be
// anything; results are the same.
var fixed = []setting{
	{"standard_conforming_strings", "on"},
	{"backslash_quote", "safe_encoding"},
	{"transform_null_equals", "off"},
	{"array_nulls", "on"},
	{"DateStyle", "ISO, MDY"},
	{"IntervalStyle", "iso_8601"},
	{"TimeZone", "UTC"},
	{"bytea_output", "hex"},
	{"extra_float_digits", "1"}, // the shortest that reads back the same
	{"xmlbinary", "base64"},
	{"xmloption", "content"},
	{"quote_all_identifiers", "off"},
	{"lc_monetary", "C"},
	{"lc_numeric", "C"},
	{"lc_time", "C"},
	{"client_min_messages", "error"}, // notices are dropped; don't send them
	{"jit", "off"},                   // compiling heeds no timeout: minutes, for a plan of a few hundred windows
	{"idle_in_transaction_session_timeout", "10s"},
}

// settings are the fixed ones and those of one order.
func settings(o order) []setting {
	return append([]setting{
		{"search_path", searchPath(o.searchPath)},
		{"statement_timeout", milliseconds(o.limits.StatementTimeout)},
		// Whoever waits for a lock should hear of it, not of the statement's timeout.
		{"lock_timeout", milliseconds(o.limits.StatementTimeout / 2)},
		{"application_name", applicationName(o.requestID)},
	}, fixed...)
}

// searchPath is the path in which the guard looks names up: PostgreSQL's own
// first, so that nothing hides them, and temporary objects, which would come
// before everything if they were not named, last.
func searchPath(schemas []string) string {
	path := []string{"pg_catalog"}
	for _, s := range schemas {
		path = append(path, `"`+strings.ReplaceAll(s, `"`, `""`)+`"`)
	}
	return strings.Join(append(path, "pg_temp"), ", ")
}

// milliseconds is at least 1, because 0 means no limit.
func milliseconds(d time.Duration) string {
	return strconv.FormatInt(max(d.Milliseconds(), 1), 10)
}

// applicationName shows the request in pg_stat_activity and in the server's log.
func applicationName(requestID string) string {
	const longest = 63 // the server would cut it, with a notice
	name := strings.TrimSpace("pgmcp " + requestID)
	return name[:min(len(name), longest)]
}

// comment follows a statement, so that the server's log and its statistics tell
// the request, in the form of sqlcommenter. Behind the text, positions stay what
// they are; on a line of its own, a comment at the end of the text cannot hide it.
// What is no request ID is left out: nothing else may get into a statement.
func comment(requestID string) string {
	if !isRequestID.MatchString(requestID) {
		return ""
	}
	return "\n/*request_id='" + requestID + "'*/"
}

var isRequestID = regexp.MustCompile("^[0-9a-f]{32}$")

// settingsSQL is one SELECT, and not a SET for each: it takes the transaction's
// snapshot, after which READ ONLY cannot be lifted any more.
func settingsSQL(all []setting) (sql string, values []string) {
	var b strings.Builder
	b.WriteString("SELECT ")
	for i, s := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("pg_catalog.set_config('" + s.name + "', $" + strconv.Itoa(i+1) + ", true)")
		values = append(values, s.value)
	}
	return b.String(), values
}

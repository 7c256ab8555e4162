package guard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/nearest"
	"github.com/pgmcp/pgmcp/internal/policy"
)

// Hints for who looks into the catalogs.
const (
	askForObjects   = "search_objects lists the tables and columns that may be read"
	askForDetails   = "search_objects with detail full shows keys, indexes, enum labels and comments"
	askForRows      = "search_objects shows how many rows tables have, roughly; count(*) exactly"
	askForFunctions = "search_objects lists the functions that may be called"
	askForDatabases = "list_databases lists the databases that may be asked"
)

// insteadOfCatalog is a hint for who reads a catalog: what agents look for there
// first. Of roles, settings, sessions and statistics nothing can be told.
func insteadOfCatalog(name string) string {
	switch name {
	case "pg_database", "information_schema_catalog_name":
		return askForDatabases
	case "pg_proc", "routines", "parameters":
		return askForFunctions
	case "pg_index", "pg_indexes", "pg_constraint", "pg_description", "pg_enum", "check_constraints", "constraint_column_usage",
		"key_column_usage", "referential_constraints", "table_constraints":
		return askForDetails
	case "pg_stat_user_tables", "pg_stat_all_tables":
		return askForRows
	case "pg_stats", "pg_statistic", "pg_stats_ext", "pg_authid", "pg_roles", "pg_user", "pg_shadow", "pg_group", "pg_auth_members",
		"pg_settings", "pg_file_settings", "pg_hba_file_rules", "pg_locks", "enabled_roles", "applicable_roles":
		return ""
	}
	if strings.HasPrefix(name, "pg_stat_") || strings.HasPrefix(name, "pg_statio_") {
		return ""
	}
	return askForObjects
}

// newerRoutine is a hint for who calls a function that a newer server would have.
func (r *resolver) newerRoutine(name string) string {
	routine := policy.RoutineNamed(name)
	if routine == nil || routine.Since() <= r.policy.Release() {
		return ""
	}
	return fmt.Sprintf("PostgreSQL has it from release %d on; this server is %d", routine.Since(), r.policy.Release())
}

// insteadOf is a hint, for those routines that something can be done instead of.
func insteadOf(name string, class policy.Class) string {
	switch {
	case strings.Contains(name, "_to_xml"):
		return "write the query itself: xmlelement, xmlforest and xmlagg make XML of what it returns"
	case strings.HasSuffix(name, "_description"):
		return askForDetails
	case strings.HasPrefix(name, "pg_get_function"):
		return askForFunctions
	}
	switch name {
	case "pg_relation_size", "pg_total_relation_size", "pg_table_size", "pg_indexes_size", "pg_stat_get_live_tuples":
		return askForRows
	case "ts_stat":
		return "unnest(to_tsvector(…)) lists the words of a text"
	case "ts_rewrite":
		return "write the query as it is to be, or combine queries with && and ||"
	case "nextval", "currval", "lastval", "pg_sequence_last_value":
		return "max(COLUMN) is the highest number in use"
	case "pg_get_constraintdef", "pg_get_indexdef", "pg_get_partkeydef":
		return askForDetails
	case "setseed":
		return "order by md5(COLUMN::text) for a sample that stays the same"
	}
	for _, about := range []string{"has_table_", "has_column_", "has_any_column_", "pg_get_viewdef", "to_regclass", "regclass", "pg_partition_"} {
		if strings.HasPrefix(name, about) {
			return askForObjects
		}
	}
	return ""
}

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return "did you mean " + name + "?"
}

func (r *resolver) nearestTable(schema, name string) string {
	if r.refused() {
		return ""
	}
	byName := map[string]*catalog.Relation{}
	var names []string
	for _, rel := range r.catalog.Relations {
		if (schema == "" || rel.Schema == schema) && r.policy.Relation(rel) {
			names = append(names, rel.Name)
			if byName[rel.Name] == nil {
				byName[rel.Name] = rel
			}
		}
	}
	near := byName[nearest.Name(name, names)]
	if near == nil {
		return ""
	}
	return didYouMean(near.Quoted())
}

func (r *resolver) nearestColumn(items []*item, name string) string {
	if r.refused() {
		return ""
	}
	var names []string
	for _, it := range items {
		for _, c := range it.columns {
			if c.source == nil || c.rel != nil && r.policy.Column(c.rel, c.source) {
				names = append(names, c.name)
			}
		}
	}
	if near := nearest.Name(name, names); near != "" {
		return didYouMean(catalog.Quote(near))
	}
	if len(items) == 1 && items[0].table != nil {
		return r.allowedColumns(items[0].table)
	}
	return ""
}

func (r *resolver) nearestFunction(name string) string {
	if r.refused() {
		return ""
	}
	var names []string
	for _, f := range r.catalog.Functions {
		if r.visible("", f.Schema) && r.policy.Function(f) {
			names = append(names, f.Name)
		}
	}
	names = append(names, commonFunctions...)
	names = slices.DeleteFunc(names, func(s string) bool { return s == name })
	return didYouMean(nearest.Name(name, names))
}

// commonFunctions are the functions of pg_catalog that hints may name.
var commonFunctions = strings.Fields(`abs age any_value array_agg array_length avg bool_and bool_or ceil coalesce concat
	concat_ws count cume_dist date_bin date_part date_trunc dense_rank extract first_value floor format generate_series
	greatest initcap json_agg json_build_object jsonb_agg jsonb_array_elements jsonb_build_object jsonb_each lag
	last_value lead least left length lower lpad ltrim make_date max min mod mode now ntile nullif percent_rank
	percentile_cont percentile_disc position power random rank regexp_match regexp_matches regexp_replace repeat replace
	right round row_number rpad rtrim sign split_part sqrt stddev string_agg string_to_array strpos substr substring sum
	to_char to_date to_json to_jsonb to_number to_timestamp trim trunc unnest upper variance width_bucket`)

func (r *resolver) nearestType(name string) string {
	if r.refused() {
		return ""
	}
	var names []string
	for _, e := range r.catalog.Enums {
		if r.visible("", e.Schema) {
			names = append(names, e.Name)
		}
	}
	for _, t := range catalogTypes() {
		names = append(names, t.name)
	}
	return didYouMean(nearest.Name(name, names))
}

// visible lists the items that a bare column could come from.
func visible(q *query) []*item {
	var items []*item
	for ; q != nil; q = q.outer {
		for _, it := range q.items {
			if it.open && q.sees(it) {
				items = append(items, it)
			}
		}
	}
	return items
}

func nearestItem(q *query, name string) string {
	var names []string
	for ; q != nil; q = q.outer {
		for _, it := range q.items {
			if it.named && q.sees(it) {
				names = append(names, it.name)
			}
		}
	}
	if near := nearest.Name(name, names); near != "" || len(names) == 0 {
		return didYouMean(near)
	}
	return "FROM has " + strings.Join(names, ", ")
}

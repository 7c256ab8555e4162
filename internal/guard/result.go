package guard

import (
	"slices"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// builtinResult is the type that a function of pg_catalog returns: for most a
// scalar, for some what their arguments say. Of a function that returns what it
// is given a type must be exact: FROM calls columns by it.
func (r *resolver) builtinResult(name string, args []typ, at int32) typ {
	var first, last typ
	if len(args) > 0 {
		first, last = r.withoutDomain(args[0]), r.withoutDomain(args[len(args)-1])
	}
	switch name {
	case "parse_ident", "regexp_match", "regexp_matches", "regexp_split_to_array", "string_to_array", "tsvector_to_array":
		return arrayOf(builtinType(textOID))
	case "array_positions":
		return arrayOf(builtinType(int4OID))
	case "xpath":
		return arrayOf(builtinType(xmlOID))
	case "to_tsvector", "array_to_tsvector", "json_to_tsvector", "jsonb_to_tsvector", "setweight", "strip", "ts_delete", "ts_filter",
		"tsvector_concat":
		return builtinType(tsvectorOID)
	case "min", "max":
		if first.class == literal {
			return builtinType(textOID)
		}
		return first
	case "any_value", "first_value", "last_value", "nth_value", "mode", "enum_first", "enum_last", "range_intersect_agg",
		"array_sample", "array_shuffle", "array_reverse", "array_sort", "trim_array", "array_larger", "array_smaller", "enum_larger",
		"enum_smaller":
		return first.settled()
	case "lag", "lead":
		if len(args) == 3 {
			return r.common(first, last).settled()
		}
		return first.settled()
	case "array_cat":
		return r.commonOf(args).settled()
	case "array_append", "array_remove", "array_replace":
		return r.commonArray(first, args[min(1, len(args)):]).settled()
	case "array_prepend":
		return r.commonArray(last, args[:max(0, len(args)-1)]).settled()
	case "array_agg", "array_fill", "enum_range":
		return arrayOf(first.settled())
	case "percentile_disc":
		switch {
		case first.class == literal:
			return typ{}
		case first.isArray():
			return arrayOf(last.settled())
		}
		return last.settled()
	case "percentile_cont":
		if first.isArray() {
			return arrayOf(scalar)
		}
		return scalar
	case "unnest":
		return unnested(first)
	case "multirange", "range_agg":
		if oid := multirangeOID(first.oid); first.class == builtin && oid != 0 {
			return builtinType(oid)
		}
		if first.class == builtin {
			return first
		}
		return typ{}
	case "lower", "upper", "range_merge", "range_union", "range_intersect", "range_minus", "multirange_union",
		"multirange_intersect", "multirange_minus":
		if first.class == builtin || first.class == literal {
			return scalar
		}
		return typ{}
	case "json_populate_record", "json_populate_recordset", "jsonb_populate_record", "jsonb_populate_recordset", "jsonb_populate_record_valid":
		if len(args) == 0 || !r.constructible(args[0]) {
			r.refuse(BlockedType, at, "", "%s could make a value of a type that may not be used", name)
			return typ{}
		}
		if name == "jsonb_populate_record_valid" {
			return boolean
		}
		return args[0]
	case "record_larger", "record_smaller":
		return unknownRow
	case "json_to_record", "json_to_recordset", "jsonb_to_record", "jsonb_to_recordset":
		return typ{} // its columns are defined where it is called
	}
	if out, ok := catalogOutColumns[name]; ok && strings.Contains(out, " ") {
		return outColumns(out)
	}
	return scalar
}

// unnested is what unnest makes of a type: the elements of an array, the ranges of
// a multirange, the rows that a text search vector stands for.
func unnested(t typ) typ {
	switch {
	case t.class == builtin && t.oid == tsvectorOID:
		return outColumns("lexeme positions weights")
	case t.isArray():
		return t.element()
	case t.class == builtin && category(t.oid) == 'R':
		return scalar
	}
	return typ{}
}

// commonArray is the type of an array into which elements go.
func (r *resolver) commonArray(t typ, elements []typ) typ {
	for _, e := range elements {
		if e.class != literal {
			e = arrayOf(e)
		}
		t = r.common(t, e)
	}
	return t
}

// constructible reports whether making a value of the type runs no code that is
// not allowed.
func (r *resolver) constructible(t typ) bool {
	switch t.class {
	case builtin:
		return true
	case user:
		return r.policy.Type(t.oid)
	case array:
		return r.constructible(*t.elem)
	case record:
		return !slices.ContainsFunc(t.fields, func(c column) bool { return !r.constructible(c.typ) })
	}
	return false
}

// catalogOutColumns are the OUT parameters of functions of pg_catalog.
var catalogOutColumns = map[string]string{
	"json_each": "key value", "json_each_text": "key value", "jsonb_each": "key value", "jsonb_each_text": "key value",
	"json_array_elements": "value", "json_array_elements_text": "value",
	"jsonb_array_elements": "value", "jsonb_array_elements_text": "value",
	"pg_input_error_info":         "message detail hint sql_error_code",
	"ts_debug":                    "alias description token dictionaries dictionary lexemes",
	"ts_parse":                    "tokid token",
	"ts_token_type":               "tokid alias description",
	"pg_timezone_names":           "name abbrev utc_offset is_dst",
	"pg_timezone_abbrevs":         "abbrev utc_offset is_dst",
	"pg_timezone_abbrevs_abbrevs": "abbrev utc_offset is_dst",
	"pg_timezone_abbrevs_zone":    "abbrev utc_offset is_dst",
	"pg_get_keywords":             "word catcode barelabel catdesc baredesc",
}

func outColumns(names string) typ {
	t := typ{class: record}
	for name := range strings.FieldsSeq(names) {
		t.fields = append(t.fields, column{name: name, typ: scalar, derived: true})
	}
	return t
}

// singleOut is the name of a function's only OUT parameter, which names its
// column in FROM; empty if it has none, or several.
func (r *resolver) singleOut(n *pg_query.Node) string {
	c := n.GetFuncCall()
	if c == nil {
		return ""
	}
	names := stringsOf(c.Funcname)
	name := names[len(names)-1]
	if len(names) == 1 || names[0] == "pg_catalog" {
		if out := catalogOutColumns[name]; out != "" && !strings.Contains(out, " ") {
			return out
		}
	}
	for _, f := range r.catalog.FunctionsNamed(name) {
		if len(f.OutColumns) == 1 && r.policy.Function(f) {
			return f.OutColumns[0].Name
		}
	}
	return ""
}

package oracle

import "strings"

// A kind is a type, or several that go where one of them is wanted.
type kind string

const (
	integer  kind = "int"
	numeric  kind = "numeric"
	text     kind = "text"
	date     kind = "date"
	instant  kind = "time" // timestamptz
	interval kind = "interval"
	truth    kind = "bool"
	jsonb    kind = "jsonb"
	xml      kind = "xml"
	texts    kind = "texts" // text[]
	integers kind = "ints"  // int[]
	address  kind = "address"
	species  kind = "species"
	uuid     kind = "uuid"
	period   kind = "period" // tstzrange
	other    kind = ""
)

// comparable are kinds with an equality and an order.
var comparable = []kind{integer, numeric, text, date, instant, jsonb, texts, integers, species, uuid, integer, text}

func kindOf(typ string) kind {
	switch typ {
	case "integer":
		return integer
	case "text", "clinic.label", "label", "clinic.email", "email":
		return text
	case "date", "jsonb", "xml", "uuid":
		return kind(typ)
	case "timestamp with time zone":
		return instant
	case "text[]":
		return texts
	case "clinic.address", "address":
		return address
	case "clinic.species", "species":
		return species
	case "tstzrange":
		return period
	}
	if strings.HasPrefix(typ, "numeric") || typ == "bigint" {
		return numeric
	}
	return other
}

// productions are the ways to write an expression of a kind.
type productions struct {
	constants      []string
	forms          []string
	json           []string // that servers know from 16 on
	aggregates     []string
	jsonAggregates []string // likewise
	converted      []string // and of which the result is converted
	closed         []string // with what the role is denied
	beyond         []string // with what only the guard refuses
}

var grammar = map[kind]productions{
	integer: {
		constants:  []string{"1", "2", "10", "-3", "B'101'::int", "X'1F'::int"},
		aggregates: []string{"count(*)::int", "count(DISTINCT $any)::int", "max($int)", "sum($int)::int"},
		forms: []string{
			"($int + $int)", "($int - $int)", "($int * 2)", "(- $int)", "($int % 7)", "($int OPERATOR(pg_catalog.+) $int)", "abs($int)",
			"length($text)", "char_length($text)", "position('a' IN $text)", "cardinality($texts)", "array_length($ints, 1)",
			"($ints)[1]", "(ARRAY[$int, $int])[$int]", "($numeric)::int", "CAST($numeric AS int)", "extract(year FROM $date)::int",
			"clinic.plus_one($int)", "plus_one(i => $int)", "clinic.age_in_years($date)", "clinic.set_config(i => $int)",
			"(ROW($int, $text)).f1", "num_nulls($text, $int)", "($date - $date)", "$one_int", "(SELECT count(*) FROM ($query) AS n)::int",
			"sign($numeric)::int",
		},
		closed: []string{
			"clinic.days_apart($date, $date)", "($date <-> $date)", "(SELECT last_value FROM clinic.tickets)::int",
			"(SELECT last_value FROM vault.hidden)::int", "((NULL::vault.pair).a)", "(SELECT id FROM vault.keys LIMIT 1)", "(SELECT pet_id FROM lab.results LIMIT 1)",
			"(SELECT last_value FROM clinic.visits_id_seq)::int",
		},
		beyond: []string{"pg_backend_pid()", "(SELECT count(*) FROM pg_class)::int", "(SELECT n_distinct FROM pg_stats LIMIT 1)::int", "pg_relation_size('clinic.pets')::int"},
	},
	numeric: {
		constants:  []string{"2.5", "1e3", "0.1", "7"},
		aggregates: []string{"sum($int)", "avg($numeric)", "sum($numeric) FILTER (WHERE $bool)"},
		forms: []string{
			"($numeric + $numeric)", "($numeric * $int)", "($numeric / 3)", "round($numeric, 2)", "($int)::numeric", "($int)::numeric(10, 2)",
			"mod($numeric, 7)", "extract(epoch FROM $time)", "$one_numeric", "trunc($numeric)",
		},
	},
	text: {
		constants:  []string{"'a'", "'DE%'", "NULL::text", "text 'b'", "E'\\x61'", "U&'\\0061'", "$$a$$"},
		aggregates: []string{"string_agg($text, ',')", "min($text)", "string_agg(DISTINCT $text, ',' ORDER BY $text)"},
		forms: []string{
			"lower($text)", "upper($text)", "md5($text)", "trim($text)", "trim(LEADING 'a' FROM $text)", "($text || $text)", `($text COLLATE "C")`,
			"substring($text FROM 1 FOR 2)", "overlay($text PLACING 'x' FROM 1)", "concat($text, $int)", "concat_ws('-', VARIADIC $texts)",
			"format('%s', $text)", "($int)::text", "($date)::text", "to_char($time, 'YYYY')", "($jsonb ->> 'k')", "($texts)[1]", "($address).city",
			"xmlserialize(CONTENT $xml AS text)", "($species)::text", "($uuid)::text", "CAST($text AS varchar(10))::text", "($text)::clinic.label::text",
			"(xpath('/a', $xml))[1]::text", "normalize($text, NFC)", "(ROW($int, ($text)::text)).f2", "$one_text", "CURRENT_CATALOG::text", "CURRENT_SCHEMA::text",
			"CURRENT_USER::text", "CURRENT_ROLE::text", "SESSION_USER::text", "USER::text", "CURRENT_TIME::text", "CURRENT_TIME(1)::text", "LOCALTIME::text",
			"LOCALTIME(1)::text", "(CAST($row AS text))", "($row)::text", "date_part('year', $date)::text",
		},
		json: []string{"xmlserialize(CONTENT $xml AS text INDENT)", "xmlserialize(DOCUMENT XMLELEMENT(NAME a, $text) AS text)"},
		closed: []string{
			"clinic.account_of($int)", "account_of($int)", "(@# $int)", "vault.top_key()", "clinic.upper(NULL::clinic.owners)", "upper(NULL::clinic.owners)",
			"((NULL::vault.pair).b)", "abs($interval)", "clinic.abs($text)", "clinic.abs($interval)", "($interval % $interval)", "clinic.remainder($interval, $interval)",
			"(($int)::clinic.account).number", "(clinic.to_account($int)).number", "clinic.execute_text($text)", "clinic.join_iban($text, NULL::clinic.owners)",
			"(NULL::clinic.stamp)::text", "clinic.stamp_text(ROW($int, $text)::clinic.stamp)", "clinic.stamp_json(NULL::clinic.stamp)::text", "clinic.seal_text(ROW($int)::clinic.seal)", "pg_read_file($text)",
			"(SELECT token FROM vault.keys LIMIT 1)", "(SELECT earlier::text FROM clinic.adoptions LIMIT 1)", "(SELECT clinic.join_ibans(NULL::clinic.owners) FROM clinic.pets)", "('good'::lab.grade)::text",
			"(SELECT account FROM clinic.owner_accounts LIMIT 1)", "(SELECT number FROM clinic.cards LIMIT 1)", "(SELECT number FROM clinic.p_rest LIMIT 1)",
			"(SELECT what FROM clinic.log_private LIMIT 1)", "(SELECT what FROM clinic.log LIMIT 1)",
		},
		beyond: []string{
			"current_setting('port')", "version()", "query_to_xml('select 1', true, true, '')::text", "($text).md5", "quote_ident($text)::regclass::text",
			"set_config('work_mem', $text, true)", "(SELECT passwd FROM pg_user LIMIT 1)", "('a@b'::clinic.email)::text", "pg_get_viewdef('clinic.pet_list'::regclass)",
			"(SELECT table_name FROM information_schema.tables LIMIT 1)::text", "obj_description(1, 'pg_class')",
		},
	},
	date: {
		constants: []string{"date '2024-01-01'", "'2025-02-03'::date", "NULL::date"},
		forms:     []string{"CURRENT_DATE", "($date + 1)", "($time)::date", "make_date(2024, 1, 3)", "least($date, $date)", "$one_date", "($date - $int)"},
	},
	instant: {
		constants: []string{"timestamptz '2024-01-01 00:00+00'", "now()"},
		forms: []string{
			"CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP(2)", "LOCALTIMESTAMP::timestamptz", "LOCALTIMESTAMP(0)::timestamptz", "($date)::timestamptz",
			"($time + $interval)", "date_trunc('month', $time)", "($time AT TIME ZONE 'UTC' AT TIME ZONE 'UTC')", "lower($period)", "$one_time",
		},
	},
	interval: {
		constants: []string{"interval '1 day'", "interval '1-2' YEAR TO MONTH", "INTERVAL '1' HOUR", "interval(3) '1 second'"},
		forms:     []string{"age($date)", "make_interval(days => $int)", "($time - $time)", "($interval * 2)", "($interval + $interval)"},
	},
	truth: {
		constants: []string{"true", "false", "NULL::boolean", "'t'::bool"},
		forms: []string{
			"($any = $any)", "($any < $any)", "($any >= $any)", "($any <> $any)", "($any IS DISTINCT FROM $any)", "($any IS NOT DISTINCT FROM $any)",
			"($any IS NULL)", "($any IS NOT NULL)", "($text ISNULL)", "($row IS NOT NULL)", "($bool IS TRUE)", "($bool IS NOT TRUE)", "($bool IS FALSE)", "($bool IS NOT FALSE)",
			"($bool IS UNKNOWN)", "($bool IS NOT UNKNOWN)", "($bool AND $bool)", "($bool OR $bool OR $bool)", "NOT ($bool)", "($text LIKE $text)",
			"($text NOT LIKE 'a!%' ESCAPE '!')", "($text ILIKE $text)", "($text SIMILAR TO 'a+')", "($text ~ 'a')", "($text !~* 'a')", "($any IN ($any, $any))",
			"($any NOT IN ($any))", "($any BETWEEN $any AND $any)", "($any NOT BETWEEN $any AND $any)", "($any BETWEEN SYMMETRIC $any AND $any)",
			"($any NOT BETWEEN SYMMETRIC $any AND $any)", "($plain = ANY (ARRAY[$plain, $plain]))", "($plain <> ALL (ARRAY[$plain]))", "($int = ANY ($ints))", "($int < SOME ('{1,2}'))",
			"(($int, $text) < ($int, $text))", "(ROW($int, $text) = ROW($int, $text))", "(ROW($int, $text) IS DISTINCT FROM ROW($int, $text))", "EXISTS ($query)", "NOT EXISTS ($query)",
			"($any IN $all_any)", "($any = ANY $all_any)", "($any > ALL $all_any)", "($any NOT IN $all_any)", "(($int, $text) IN (SELECT p.id, p.name FROM clinic.pets p))",
			"($texts @> $texts)", "($texts && $texts)", "($jsonb @> $jsonb)", "($jsonb ? 'k')", "($time <@ $period)", "(($date, $date) OVERLAPS ($date, $date))",
			"starts_with($text, 'a')", "($xml IS DOCUMENT)", "($xml IS NOT DOCUMENT)", "xmlexists('/a' PASSING $xml)", "($species = 'cat')", "($text OPERATOR(pg_catalog.~~) $text)",
			"($address = $address)", "isempty($period)",
		},
		json: []string{
			"($text IS JSON)", "($text IS NOT JSON)", "($text IS JSON OBJECT WITH UNIQUE KEYS)", "($text IS JSON ARRAY)", "($text IS JSON SCALAR)", "($text IS JSON VALUE WITHOUT UNIQUE KEYS)",
		},
		closed: []string{
			"(NULL::clinic.visits = $text)", "clinic.visit_is(NULL, $text)", "clinic.stamp_true(ROW($int, $text)::clinic.stamp)", "EXISTS (SELECT FROM clinic.key_list)",
			"EXISTS (SELECT FROM clinic.german_owners)", "EXISTS (SELECT FROM report.ibans)", "EXISTS (SELECT FROM vault.keys)", "EXISTS (TABLE clinic.takers)",
		},
		beyond: []string{"has_table_privilege('clinic.owners', 'select')", "pg_try_advisory_lock($int)", "pg_table_is_visible(1)", "pg_cancel_backend(0)"},
	},
	jsonb: {
		constants: []string{`'{}'::jsonb`, `jsonb '{"k": 1}'`, "'[1]'::jsonb"},
		jsonAggregates: []string{
			"JSON_ARRAYAGG($any ORDER BY $int DESC ABSENT ON NULL RETURNING jsonb)", "JSON_ARRAYAGG($text NULL ON NULL) FILTER (WHERE $bool)::jsonb",
			"JSON_OBJECTAGG($int : $any ABSENT ON NULL WITH UNIQUE KEYS RETURNING jsonb)", "JSON_OBJECTAGG($int VALUE $text NULL ON NULL)::jsonb",
		},
		aggregates: []string{"jsonb_agg($any)", "jsonb_object_agg($int, $any)", "json_agg($row)::jsonb"},
		forms: []string{
			"to_jsonb($any)", "jsonb_build_object('k', $any)", "jsonb_build_array($any, $any)", "($jsonb -> 'k')", "($jsonb)['k']", "($jsonb || $jsonb)", "to_jsonb($row)",
			"row_to_json($row)::jsonb", "jsonb_set($jsonb, '{a}', $jsonb)", "($jsonb #> '{a,b}')", "$one_jsonb", "array_to_json($texts)::jsonb",
			"jsonb_path_query_first($jsonb, '$.k')", "(SELECT to_jsonb(d) FROM ($query) AS d LIMIT 1)",
		},
		json: []string{
			"JSON_OBJECT('k': $any, 'l' VALUE $text RETURNING jsonb)", "JSON_OBJECT('k': $text FORMAT JSON ABSENT ON NULL WITH UNIQUE KEYS RETURNING jsonb)", "JSON_OBJECT(RETURNING jsonb)",
			"JSON_ARRAY($any, $any ABSENT ON NULL RETURNING jsonb)", "JSON_ARRAY($text FORMAT JSON NULL ON NULL)::jsonb",
			"JSON_ARRAY(SELECT $any FROM clinic.pets RETURNING jsonb)",
		},
		converted: []string{
			"JSON_ARRAY($any RETURNING text FORMAT JSON)::jsonb", "JSON_ARRAY(SELECT $text FROM clinic.suppliers RETURNING text)::jsonb",
			"convert_from(JSON_ARRAY($any RETURNING bytea FORMAT JSON ENCODING UTF8), 'utf8')::jsonb", "JSON_OBJECT('k': $any RETURNING varchar(100))::jsonb",
		},
		closed: []string{"to_jsonb(clinic.owner_of($int))", "(SELECT doc FROM clinic.owner_rows LIMIT 1)", "(SELECT to_jsonb(o) FROM clinic.owners o LIMIT 1)"},
	},
	xml: {
		constants:  []string{"XMLPARSE(CONTENT 'a')", "XMLPARSE(DOCUMENT '<a/>' PRESERVE WHITESPACE)", "xml '<a/>'"},
		aggregates: []string{"xmlagg($xml ORDER BY $int)"},
		forms: []string{
			"XMLELEMENT(NAME a, XMLATTRIBUTES($text AS b, $int AS c), $any)", "XMLELEMENT(NAME a)", "XMLFOREST($text AS x, $int AS y)", "XMLCONCAT($xml, $xml)", "XMLPI(NAME p, $text)",
			"XMLROOT($xml, VERSION '1.0', STANDALONE YES)", "XMLROOT($xml, VERSION NO VALUE)", "XMLPARSE(CONTENT $text STRIP WHITESPACE)", "xmlcomment($text)",
		},
	},
	texts: {
		constants:  []string{"'{a,b}'::text[]", "ARRAY[]::text[]"},
		aggregates: []string{"array_agg(($text)::text)"},
		forms: []string{
			"ARRAY[$text, $text]", "($texts || ($text)::text)", "(($text)::text || $texts)", "string_to_array($text, ',')", "($texts)[1:2]", "($texts)[:$int]", "($texts)[2:]", "ARRAY$all_text",
			"array_append($texts, ($text)::text)", "regexp_split_to_array($text, 'a')", "($texts)::varchar(3)[]::text[]", "array_remove($texts, ($text)::text)", "$one_texts",
		},
	},
	integers: {
		constants: []string{"'{1,2}'::int[]", "ARRAY[1, 2, NULL]"},
		forms:     []string{"ARRAY[$int, $int]", "($ints || $int)", "ARRAY$all_int", "(ARRAY[[$int], [$int]])[1:1][1]", "array_prepend($int, $ints)", "CAST($ints AS int[])"},
	},
	address: {
		constants: []string{"NULL::clinic.address", "ROW('a', 'b', 'c')::clinic.address"},
		forms:     []string{"ROW($text, $text, $text)::clinic.address", "(ROW($text, $address)::clinic.household).place", "$one_address"},
	},
	species: {
		constants: []string{"'cat'::clinic.species", "clinic.species 'dog'"},
		forms:     []string{"enum_first($species)", "greatest($species, 'dog')", "$one_species"},
	},
	uuid: {
		constants: []string{"'00000000-0000-0000-0000-000000000001'::uuid", "NULL::uuid"},
		forms:     []string{"$one_uuid", "coalesce($uuid, $uuid)"},
	},
	period: {
		constants: []string{"tstzrange(NULL, NULL)", "'empty'::tstzrange"},
		forms:     []string{"tstzrange($time, NULL)", "($period * $period)", "tstzrange($time, NULL, '[]')"},
	},
}

// common are forms of every kind.
var common = []string{
	"CASE WHEN $bool THEN $same ELSE $same END", "coalesce($same, $same)", "$one_same", "($same)", "(SELECT $same)",
	"(VALUES ($same))",
}

// ordered are forms of every kind that can be compared.
var ordered = []string{"greatest($same, $same)", "least($same, $same)", "nullif($same, $same)"}

// explains put a statement under EXPLAIN.
var explains = []string{
	"EXPLAIN", "EXPLAIN VERBOSE", "EXPLAIN (COSTS OFF)", "EXPLAIN (FORMAT JSON, COSTS false)", "EXPLAIN (VERBOSE, FORMAT yaml)", "EXPLAIN (SUMMARY 1, ANALYZE false)", "EXPLAIN (VERBOSE 0, BUFFERS off)",
}

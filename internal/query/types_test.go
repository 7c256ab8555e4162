package query

import (
	"encoding/json"
	"testing"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

const typesScript = `
create type mood as enum ('sad', 'it''s "ok"', 'happy');
create type pair as (a int, b text);
create domain positive as int8 check (value > 0);
create domain payload as jsonb;
create type span as range (subtype = int4);
create schema other;
create type other.mood as enum ('x');
create table items (id int, name text);
insert into items values (1, 'a "b"');
`

// values are expressions, and what comes of them on every server.
var values = []struct{ expression, typ, want string }{
	{`true`, "bool", `true`},
	{`false`, "bool", `false`},
	{`null::bool`, "bool", `null`},
	{`(-32768)::int2`, "int2", `-32768`},
	{`2147483647`, "int4", `2147483647`},
	{`4294967295::oid`, "oid", `4294967295`},
	{`9007199254740992::int8`, "int8", `9007199254740992`},
	{`9007199254740993::int8`, "int8", `"9007199254740993"`},
	{`(-9007199254740992)::int8`, "int8", `-9007199254740992`},
	{`(-9007199254740993)::int8`, "int8", `"-9007199254740993"`},
	{`9223372036854775807::int8`, "int8", `"9223372036854775807"`},
	{`5::positive`, "int8", `5`},
	{`0.1::float8 + 0.2::float8`, "float8", `0.30000000000000004`},
	{`1e300::float8`, "float8", `1e+300`},
	{`-0.0::float8`, "float8", `-0`},
	{`1.5e-7::float8`, "float8", `1.5e-07`},
	{`0.1::float4`, "float4", `0.1`},
	{`'NaN'::float8`, "float8", `"NaN"`},
	{`'Infinity'::float4`, "float4", `"Infinity"`},
	{`'-Infinity'::float8`, "float8", `"-Infinity"`},
	{`12345678901234567890.123456789000::numeric`, "numeric", `"12345678901234567890.123456789000"`},
	{`1.10::numeric(5,2)`, "numeric", `"1.10"`},
	{`'NaN'::numeric`, "numeric", `"NaN"`},
	{`1234.5::money`, "money", `"$1,234.50"`},

	{`1 = null`, "bool", `null`},
	{`'plain'`, "text", `"plain"`},
	{`E'it\'s'`, "text", `"it's"`},
	{`''`, "text", `""`},
	{`E'tab\t line\n return\r bell\x07 quote" back\\slash /'`, "text", `"tab\t line\n return\r bell\u0007 quote\" back\\slash /"`},
	{`U&'\00e4\20ac\+01F600\2028 <&>'`, "text", "\"ä€😀\u2028 <&>\""},
	{`'a  '::char(5)`, "bpchar", `"a    "`},
	{`'ab'::varchar(1)`, "varchar", `"a"`},
	{`'n'::name`, "name", `"n"`},
	{`'x'::"char"`, "char", `"x"`},
	{`'\x00ff5c'::bytea`, "bytea", `"\\x00ff5c"`},
	{`''::bytea`, "bytea", `"\\x"`},
	{`b'101'`, "bit", `"101"`},
	{`'3fa85f64-5717-4562-b3fc-2c963f66afa6'::uuid`, "uuid", `"3fa85f64-5717-4562-b3fc-2c963f66afa6"`},
	{`'<a>1</a>'::xml`, "xml", `"<a>1</a>"`},
	{`'1 <a/> 2'::xml`, "xml", `"1 <a/> 2"`},
	{`'192.0.2.1/24'::inet`, "inet", `"192.0.2.1/24"`},
	{`'a:1 b'::tsvector`, "tsvector", `"'a':1 'b'"`},
	{`point(1,2.5)`, "point", `"(1,2.5)"`},

	{`'{"b": 1.0, "a":[ 9007199254740993 , 1e400 ], "b":"x  y\" \u0001"}'::json`, "json", `{"b":1.0,"a":[9007199254740993,1e400],"b":"x  y\" \u0001"}`},
	{`'{"b": 1.0, "a":[9007199254740993]}'::jsonb`, "jsonb", `{"a":[9007199254740993],"b":1.0}`},
	{`'null'::jsonb`, "jsonb", `null`},
	{`'"text"'::json`, "json", `"text"`},
	{`'{"a": 1}'::payload`, "jsonb", `{"a":1}`},

	{`timestamptz '2026-01-02 03:04:05.6+02'`, "timestamptz", `"2026-01-02T01:04:05.6Z"`},
	{`timestamptz '2026-01-02 03:04:05.123456+00'`, "timestamptz", `"2026-01-02T03:04:05.123456Z"`},
	{`timestamp '2026-01-02 03:04:05.6'`, "timestamp", `"2026-01-02T03:04:05.6"`},
	{`timestamp '2026-01-02'`, "timestamp", `"2026-01-02T00:00:00"`},
	{`timestamp 'infinity'`, "timestamp", `"infinity"`},
	{`timestamptz '-infinity'`, "timestamptz", `"-infinity"`},
	{`timestamp '0044-03-15 12:00 BC'`, "timestamp", `"0044-03-15 12:00:00 BC"`},
	{`timestamptz '0044-03-15 12:00+00 BC'`, "timestamptz", `"0044-03-15 12:00:00+00 BC"`},
	{`timestamp '12345-01-02 03:04:05'`, "timestamp", `"12345-01-02T03:04:05"`},
	{`date '2026-01-02'`, "date", `"2026-01-02"`},
	{`date '0044-03-15 BC'`, "date", `"0044-03-15 BC"`},
	{`date 'infinity'`, "date", `"infinity"`},
	{`time '03:04:05.6'`, "time", `"03:04:05.6"`},
	{`time '24:00'`, "time", `"24:00:00"`},
	{`timetz '03:04:05+02'`, "timetz", `"03:04:05+02"`},
	{`interval '1 year 2 months 3 days 4 hours 5 minutes 6.7 seconds'`, "interval", `"P1Y2M3DT4H5M6.7S"`},
	{`interval '-1 day -2 hours'`, "interval", `"P-1DT-2H"`},
	{`interval '0'`, "interval", `"PT0S"`},

	{`'{}'::int[]`, "int4[]", `[]`},
	{`array[1,null,3]`, "int4[]", `[1,null,3]`},
	{`'{1,null}'::int[]`, "int4[]", `[1,null]`},
	{`array[[1,2],[3,4]]`, "int4[]", `[[1,2],[3,4]]`},
	{`'[5:7]={1,2,3}'::int[]`, "int4[]", `[1,2,3]`},
	{`'[0:1][-1:0]={{1,2},{3,4}}'::int[]`, "int4[]", `[[1,2],[3,4]]`},
	{`array['a', '', 'NULL', null, 'b c', 'q"q', E'back\\slash', 'br{ac}e', 'com,ma', E'new\nline', 'ü']`, "text[]",
		`["a","","NULL",null,"b c","q\"q","back\\slash","br{ac}e","com,ma","new\nline","ü"]`},
	{`array[true,false,null]`, "bool[]", `[true,false,null]`},
	{`array[9007199254740993,1]::int8[]`, "int8[]", `["9007199254740993",1]`},
	{`array[1.50,null]::numeric[]`, "numeric[]", `["1.50",null]`},
	{`array['NaN',1.5,'-Infinity']::float8[]`, "float8[]", `["NaN",1.5,"-Infinity"]`},
	{`array['{"a": [1, 2]}','null',null]::jsonb[]`, "jsonb[]", `[{"a":[1,2]},null,null]`},
	{`array[timestamptz '2026-01-02 03:04:05+00', 'infinity']`, "timestamptz[]", `["2026-01-02T03:04:05Z","infinity"]`},
	{`array[interval '1 day']`, "interval[]", `["P1D"]`},
	{`array['\x00ff'::bytea]`, "bytea[]", `["\\x00ff"]`},
	{`array[box '(1,1),(0,0)', box '(2,2),(1,1)']`, "box[]", `["(1,1),(0,0)","(2,2),(1,1)"]`},
	{`array[array['2026-01-02'::date]]`, "date[]", `[["2026-01-02"]]`},
	{`'1 2'::int2vector`, "int2vector", `"1 2"`},

	{`'it''s "ok"'::mood`, "public.mood", `"it's \"ok\""`},
	{`array['sad', null, 'it''s "ok"']::mood[]`, "public.mood[]", `["sad",null,"it's \"ok\""]`},
	{`'x'::other.mood`, "other.mood", `"x"`},
	{`row(1, 'a b')::pair`, "public.pair", `"(1,\"a b\")"`},
	{`array[row(1, 'a,b')::pair]`, "public.pair[]", `["(1,\"a,b\")"]`},
	{`row(1, null)`, "record", `"(1,)"`},
	{`(select items from items)`, "public.items", `"(1,\"a \"\"b\"\"\")"`},
	{`array[1,2]::positive[]`, "public.positive[]", `[1,2]`},
	{`array['{"a": 1}']::payload[]`, "public.payload[]", `[{"a":1}]`},
	{`span(1, 5)`, "public.span", `"[1,5)"`},
	{`int4range(1, 5)`, "int4range", `"[1,5)"`},
	{`tstzrange('2026-01-02 03:00+00', null)`, "tstzrange", `"[\"2026-01-02 03:00:00+00\",)"`},
	{`array[int4range(1, 5)]`, "int4range[]", `["[1,5)"]`},
	{`int4multirange(int4range(1, 5), int4range(7, 9))`, "int4multirange", `"{[1,5),[7,9)}"`},
	{`'items'::regclass`, "regclass", `"items"`},
	{`pg_sleep(0)`, "void", `null`},
}

func TestValues(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		checkValues(t, s, "")
	})
}

// hostile are settings of a database that would change what comes back.
const hostile = `do $$
declare setting text;
begin
	foreach setting in array array[
		'DateStyle = German', 'IntervalStyle = sql_standard', 'TimeZone = ''Asia/Kathmandu''',
		'bytea_output = escape', 'extra_float_digits = -15', 'standard_conforming_strings = off',
		'backslash_quote = off', 'transform_null_equals = on', 'xmloption = document',
		'quote_all_identifiers = on', 'array_nulls = off', 'search_path = other, public',
		'statement_timeout = 300', 'lock_timeout = 300', 'default_transaction_isolation = serializable',
		'client_min_messages = debug5']
	loop
		execute format('alter database %I set ', current_database()) || setting;
	end loop;
end $$`

// The same bytes come back, whatever the database sets for its sessions.
func TestValuesDoNotDependOnSettings(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		checkValues(t, s, hostile)
	})
}

func checkValues(t *testing.T, s *pgtest.Server, change string) {
	u := s.Open(t, typesScript)
	if change != "" {
		exec(t, open(t, u), change)
	}
	db := open(t, u)
	for _, v := range values {
		r, err := run(t.Context(), db, ask("select "+v.expression))
		if err != nil {
			t.Errorf("%s: %v", v.expression, err)
			continue
		}
		if want := "[[" + v.want + "]]"; string(r.Rows) != want {
			t.Errorf("%s:\n got %s\nwant %s", v.expression, r.Rows, want)
		}
		if !json.Valid(r.Rows) {
			t.Errorf("%s: %s is no JSON", v.expression, r.Rows)
		}
		if r.Columns[0].Type != v.typ {
			t.Errorf("%s: type %s, want %s", v.expression, r.Columns[0].Type, v.typ)
		}
	}
}

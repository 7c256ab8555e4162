package query

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

// testTypes are as loaded from a server.
var testTypes = postgres.Types{
	pgtype.TextOID:      {OID: pgtype.TextOID, Name: "text", Delimiter: ','},
	pgtype.TextArrayOID: {OID: pgtype.TextArrayOID, Name: "text[]", Element: pgtype.TextOID},
	pgtype.BoxOID:       {OID: pgtype.BoxOID, Name: "box", Delimiter: ';'},
	pgtype.BoxArrayOID:  {OID: pgtype.BoxArrayOID, Name: "box[]", Element: pgtype.BoxOID},
	pgtype.JSONOID:      {OID: pgtype.JSONOID, Name: "json", Delimiter: ','},
	pgtype.JSONArrayOID: {OID: pgtype.JSONArrayOID, Name: "json[]", Element: pgtype.JSONOID},
}

// What no server prints today is still encoded as JSON.
func TestEncodeStrangeText(t *testing.T) {
	deep := strings.Repeat("[", 501) + strings.Repeat("]", 501)
	for _, c := range []struct {
		oid        uint32
		text, want string
	}{
		{pgtype.QCharOID, "\xc8", `"\ufffd"`},
		{pgtype.TextOID, "a\xe2\x82b", `"a\ufffd\ufffdb"`},
		{pgtype.TextOID, "\x7f", "\"\x7f\""},
		{pgtype.JSONOID, deep, `"` + deep + `"`},
		{pgtype.JSONOID, deep[1:1001], deep[1:1001]},
		{pgtype.JSONOID, "{", `"{"`},
		{pgtype.Float8OID, "inf", `"inf"`},
		{pgtype.Int8OID, "12x", `"12x"`},
		{pgtype.TextArrayOID, "", `""`},
		{pgtype.TextArrayOID, "{", `"{"`},
		{pgtype.TextArrayOID, "{a", `"{a"`},
		{pgtype.TextArrayOID, "{a,}", `"{a,}"`},
		{pgtype.TextArrayOID, "{a}}", `"{a}}"`},
		{pgtype.TextArrayOID, `{"a`, `"{\"a"`},
		{pgtype.TextArrayOID, `{"a\`, `"{\"a\\"`},
		{pgtype.TextArrayOID, "{{{{{{{a}}}}}}}", `"{{{{{{{a}}}}}}}"`},
		{12345678, "of a type that nobody knows", `"of a type that nobody knows"`},
	} {
		if got := string(encodeText(c.oid, c.text)); got != c.want {
			t.Errorf("%d %q: got %s, want %s", c.oid, c.text, got, c.want)
		}
	}
}

func encodeText(oid uint32, text string) []byte {
	return encoderOf(oid, testTypes)(nil, []byte(text))
}

// FuzzEncode: whatever text there is, what comes out is one JSON value, and the
// text can be read from it.
func FuzzEncode(f *testing.F) {
	for _, v := range values {
		f.Add(v.expression)
		f.Add(strings.Trim(v.want, `"`))
	}
	f.Add(`{"a,\"b",NULL,{c}}`)
	f.Add("[0:1]={1,2}")
	oids := []uint32{pgtype.TextOID, pgtype.TextArrayOID, pgtype.BoxArrayOID, pgtype.JSONOID, pgtype.JSONArrayOID}
	f.Fuzz(func(t *testing.T, text string) {
		for _, oid := range oids {
			if got := encodeText(oid, text); !json.Valid(got) {
				t.Errorf("type %d: %q becomes %s", oid, text, got)
			}
		}
		var back string
		if err := json.Unmarshal(encodeText(pgtype.TextOID, text), &back); err != nil {
			t.Fatal(err)
		}
		if utf8.ValidString(text) && back != text {
			t.Errorf("%q came back as %q", text, back)
		}
	})
}

// FuzzArray: an array of any shape, printed as array_out does, becomes the JSON
// of the same values.
func FuzzArray(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		a := randomArray(rand.New(rand.NewPCG(seed, 0)))
		want, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		checkSame(t, encodeText(pgtype.TextArrayOID, printArray(a)), want)
	})
}

// PostgreSQL's own conversion to JSON agrees.
func TestArraysAgainstServer(t *testing.T) {
	db := open(t, pgtest.Open(t, ""))
	for seed := range uint64(200) {
		text := printArray(randomArray(rand.New(rand.NewPCG(seed, 1))))
		literal := "'" + strings.ReplaceAll(text, "'", "''") + "'::text[]"
		var pair [1][2]json.RawMessage
		if err := json.Unmarshal([]byte(rows(t, db, "select "+literal+", to_json("+literal+")")), &pair); err != nil {
			t.Fatal(err)
		}
		checkSame(t, pair[0][0], pair[0][1])
	}
}

func checkSame(t *testing.T, got, want []byte) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// randomArray is a rectangular array of one to three dimensions, its elements
// strings or nil, some of them hard to print.
func randomArray(r *rand.Rand) any {
	parts := []string{"a", "NULL", "null", "", " ", ",", "{", "}", `"`, `\`, "\n", "\t", "é", "😀", "\x01", "'", "$", "0"}
	var build func(sizes []int) any
	build = func(sizes []int) any {
		if len(sizes) == 0 {
			if r.IntN(6) == 0 {
				return nil
			}
			var s strings.Builder
			for range r.IntN(4) {
				s.WriteString(parts[r.IntN(len(parts))])
			}
			return s.String()
		}
		a := make([]any, sizes[0])
		for i := range a {
			a[i] = build(sizes[1:])
		}
		return a
	}
	sizes := make([]int, 1+r.IntN(3))
	for i := range sizes {
		sizes[i] = 1 + r.IntN(3)
	}
	return build(sizes)
}

// printArray prints as array_out does.
func printArray(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		if v == "" || strings.EqualFold(v, "null") || strings.ContainsAny(v, "{}\",\\ \t\n") {
			return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
		}
		return v
	case []any:
		elements := make([]string, len(v))
		for i, e := range v {
			elements[i] = printArray(e)
		}
		return "{" + strings.Join(elements, ",") + "}"
	}
	panic(fmt.Sprintf("%T", v))
}

package query

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pgmcp/pgmcp/internal/postgres"
)

// An encoder appends a value, given as the server prints it, as JSON.
//
//	bool                        true, false
//	int2, int4, oid             number
//	int8                        number up to 2^53, which every client can hold; beyond it a string
//	float4, float8              number; "NaN", "Infinity", "-Infinity"
//	numeric                     string
//	json, jsonb                 itself
//	timestamptz, timestamp      "2026-01-02T03:04:05.6Z", without Z for timestamp
//	date, time, timetz          "2026-01-02", "03:04:05.6", "03:04:05.6+02"
//	interval                    "P1Y2M3DT4H5M6.7S"
//	bytea                       "\\x00ff"
//	arrays                      arrays, nested; where their indexes begin is dropped
//	void                        null
//	everything else             string, as the server prints it
//
// Times beyond ISO 8601 are as the server prints them: "infinity", and years BC.
type encoder func(dst, text []byte) []byte

func encoderOf(oid uint32, types postgres.Types) encoder {
	switch oid {
	case pgtype.BoolOID:
		return appendBool
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.OIDOID:
		return appendVerbatim
	case pgtype.Int8OID:
		return appendInt8
	case pgtype.Float4OID, pgtype.Float8OID:
		return appendFloat
	case pgtype.JSONOID, pgtype.JSONBOID:
		return appendDocument
	case pgtype.TimestampOID, pgtype.TimestamptzOID:
		return appendTimestamp
	case voidOID:
		return appendVoid
	}
	switch t := types[oid]; {
	case t.Element != 0:
		a := array{types[t.Element].Delimiter, encoderOf(t.Element, types)}
		return a.append
	case t.Base != 0:
		return encoderOf(t.Base, types)
	}
	return appendString
}

const voidOID = 2278

func appendVerbatim(dst, text []byte) []byte { return append(dst, text...) }

func appendVoid(dst, _ []byte) []byte { return append(dst, "null"...) }

func appendBool(dst, text []byte) []byte {
	return strconv.AppendBool(dst, string(text) == "t")
}

func appendInt8(dst, text []byte) []byte {
	const exact = 1 << 53
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil && -exact <= n && n <= exact {
		return append(dst, text...)
	}
	return appendString(dst, text)
}

// appendFloat relies on the server to print numbers as JSON does: "1e+20", "-0".
func appendFloat(dst, text []byte) []byte {
	if len(bytes.TrimRight(text, "0123456789")) == len(text) {
		return appendString(dst, text)
	}
	return append(dst, text...)
}

// appendTimestamp makes ISO 8601 of "2026-01-02 03:04:05.6+00".
func appendTimestamp(dst, text []byte) []byte {
	date, clock, found := bytes.Cut(text, []byte(" "))
	if !found || bytes.HasSuffix(clock, []byte("BC")) {
		return appendString(dst, text)
	}
	clock, utc := bytes.CutSuffix(clock, []byte("+00"))
	dst = append(dst, '"')
	dst = append(dst, date...)
	dst = append(dst, 'T')
	dst = append(dst, clock...)
	if utc {
		dst = append(dst, 'Z')
	}
	return append(dst, '"')
}

// appendDocument embeds JSON without the white space between its tokens. What
// a reader of JSON may refuse to nest any deeper is given as a string.
func appendDocument(dst, text []byte) []byte {
	const deepest = 500
	if !json.Valid(text) {
		return appendString(dst, text)
	}
	before, depth := len(dst), 0
	quoted, escaped := false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = c == '\\', c != '"'
		case c == ' ', c == '\t', c == '\n', c == '\r':
			continue
		case c == '"':
			quoted = true
		case c == '{', c == '[':
			if depth++; depth > deepest {
				return appendString(dst[:before], text)
			}
		case c == '}', c == ']':
			depth--
		}
		dst = append(dst, c)
	}
	return dst
}

// appendString appends a JSON string. Text from the server is UTF-8, but for
// the one byte of type "char", which can be any.
func appendString(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(text[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, text[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			if c < ' ' {
				dst = append(dst, `\u00`...)
				dst = append(dst, hex[c>>4], hex[c&15])
			} else {
				dst = append(dst, `\ufffd`...)
			}
		}
		i++
		start = i
	}
	dst = append(dst, text[start:]...)
	return append(dst, '"')
}

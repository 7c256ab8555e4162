package query

import "bytes"

// An array reads arrays as array_out prints them: {1,2}, {{a,"b c"},{NULL,d}},
// [0:1]={5,6}.
type array struct {
	delimiter byte // between elements: a comma, but for type box
	element   encoder
}

// maxDimensions is how many dimensions PostgreSQL allows.
const maxDimensions = 6

// append turns an array's text into JSON; what is none is appended as a string.
func (a array) append(dst, text []byte) []byte {
	before, rest := len(dst), text
	if bytes.HasPrefix(text, []byte("[")) {
		_, rest, _ = bytes.Cut(text, []byte("="))
	}
	dst, rest, ok := a.level(dst, rest, 1)
	if !ok || len(rest) > 0 {
		return appendString(dst[:before], text)
	}
	return dst
}

// level reads one level of braces, and returns what follows them.
func (a array) level(dst, text []byte, depth int) (_, rest []byte, ok bool) {
	rest, ok = bytes.CutPrefix(text, []byte("{"))
	if !ok || depth > maxDimensions {
		return dst, text, false
	}
	dst = append(dst, '[')
	if rest, ok = bytes.CutPrefix(rest, []byte("}")); ok {
		return append(dst, ']'), rest, true
	}
	for {
		if len(rest) > 0 && rest[0] == '{' {
			dst, rest, ok = a.level(dst, rest, depth+1)
		} else {
			dst, rest, ok = a.value(dst, rest)
		}
		if !ok || len(rest) == 0 {
			return dst, rest, false
		}
		after := rest[0]
		rest = rest[1:]
		switch after {
		case '}':
			return append(dst, ']'), rest, true
		case a.delimiter:
			dst = append(dst, ',')
		default:
			return dst, rest, false
		}
	}
}

// value reads one element.
func (a array) value(dst, text []byte) (_, rest []byte, ok bool) {
	if len(text) > 0 && text[0] == '"' {
		return a.quoted(dst, text[1:])
	}
	end := bytes.IndexAny(text, "}"+string(a.delimiter))
	switch {
	case end <= 0:
		return dst, text, false
	case string(text[:end]) == "NULL":
		return append(dst, "null"...), text[end:], true
	}
	return a.element(dst, text[:end]), text[end:], true
}

// quoted reads an element in quotes, of which the first has been read. A
// backslash stands before a quote or a backslash that belongs to the element.
func (a array) quoted(dst, text []byte) (_, rest []byte, ok bool) {
	var element []byte
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			return a.element(dst, element), text[i+1:], true
		case '\\':
			if i++; i == len(text) {
				return dst, nil, false
			}
		}
		element = append(element, text[i])
	}
	return dst, nil, false
}

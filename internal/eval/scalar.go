package eval

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// canonical is a value of a result, of the type that its column has, as a token:
// two values have the same token if an answer with one is as right as an answer
// with the other. What kind of value it is begins the token.
//
//	numbers, intervals in seconds   six significant digits
//	timestamps at midnight          as dates
//	text                            without spaces at its end, as of char(n)
//	arrays                          their elements
//	JSON                            by what it holds; objects by sorted keys
func canonical(typ string, v json.RawMessage) string {
	switch {
	case bytes.Equal(v, []byte("null")):
		return "null"
	case v[0] == 't', v[0] == 'f':
		return "bool " + string(v)
	case v[0] == '[':
		return canonicalList(strings.TrimSuffix(typ, "[]"), v)
	case v[0] == '{':
		return "object " + sorted(v)
	case v[0] != '"':
		return canonicalNumber(string(v))
	}
	var s string
	if err := json.Unmarshal(v, &s); err != nil {
		return "text " + string(v)
	}
	switch typ {
	case "numeric", "int8", "float4", "float8":
		return canonicalNumber(s)
	case "date", "timestamp", "timestamptz":
		return canonicalTime(s)
	case "interval":
		if seconds, ok := epoch(s); ok {
			return canonicalNumber(strconv.FormatFloat(seconds, 'g', -1, 64))
		}
	}
	return "text " + strings.TrimRight(s, " \t\r\n")
}

func canonicalNumber(text string) string {
	f, _ := strconv.ParseFloat(text, 64) // out of range: infinite
	if f == 0 {
		f = 0 // not -0
	}
	return "number " + strconv.FormatFloat(f, 'g', 6, 64)
}

func canonicalTime(s string) string {
	s = strings.TrimSuffix(s, "Z")
	if date, ok := strings.CutSuffix(s, "T00:00:00"); ok {
		return "date " + date
	}
	if strings.Contains(s, "T") {
		return "time " + s
	}
	return "date " + s
}

func canonicalList(typ string, v json.RawMessage) string {
	var elements []json.RawMessage
	if err := json.Unmarshal(v, &elements); err != nil {
		return "list " + string(v)
	}
	b := []byte("list")
	for _, e := range elements {
		b = strconv.AppendQuote(append(b, ' '), canonical(typ, e))
	}
	return string(b)
}

// sorted is a JSON object with its keys in order.
func sorted(v json.RawMessage) string {
	d := json.NewDecoder(bytes.NewReader(v))
	d.UseNumber()
	var object any
	if err := d.Decode(&object); err != nil {
		return string(v)
	}
	b, err := json.Marshal(object)
	if err != nil {
		return string(v)
	}
	return string(b)
}

var isoInterval = regexp.MustCompile(`^P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?\d+(?:\.\d+)?)S)?)?$`)

// epoch is an interval in seconds as extract(epoch from …) counts them: a year
// has 365.25 days, and a month 30.
func epoch(s string) (float64, bool) {
	m := isoInterval.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	seconds := 0.0
	for i, unit := range []float64{365.25 * 86400, 30 * 86400, 86400, 3600, 60, 1} {
		if m[i+1] != "" {
			n, _ := strconv.ParseFloat(m[i+1], 64) // digits by the pattern
			seconds += n * unit
		}
	}
	return seconds, true
}

// exact is a value as BIRD compares it: numbers by their value, all else as it is.
func exact(typ string, v json.RawMessage) string {
	text := string(v)
	switch typ {
	case "numeric", "int8", "float4", "float8":
		text = strings.Trim(text, `"`)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && v[0] != '"' || err == nil && text != string(v) {
		return "number " + strconv.FormatFloat(f, 'g', -1, 64)
	}
	return string(v)
}

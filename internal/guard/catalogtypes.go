package guard

import (
	_ "embed"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// OIDs of PostgreSQL's own types, which are the same on every server.
const (
	int8OID     = 20
	int2OID     = 21
	int4OID     = 23
	textOID     = 25
	jsonOID     = 114
	jsonbOID    = 3802
	xmlOID      = 142
	bpcharOID   = 1042
	bitOID      = 1560
	numericOID  = 1700
	tsvectorOID = 3614
	recordOID   = 2249
	anyarrayOID = 2277
	anyrangeOID = 3831
)

// A catalogType is a type of pg_catalog that a statement may name. Left out are
// the reg* types but regconfig, and aclitem, whose input looks names up in the
// catalogs, and the types that only PostgreSQL itself uses.
type catalogType struct {
	name       string
	oid        uint32
	category   byte // pg_type.typcategory
	array      uint32
	multirange uint32 // of a range type, else 0
}

// typesText, castsText and operatorsText say what they are themselves. The tests in
// oracle compare them with servers and rewrite them.
var (
	//go:embed types.txt
	typesText string
	//go:embed casts.txt
	castsText string
	//go:embed operators.txt
	operatorsText string
)

var catalogTypes = sync.OnceValue(func() []catalogType { return parseTypes(typesText) })

func parseTypes(text string) []catalogType {
	var types []catalogType
	for fields := range tableLines(text) {
		t := catalogType{name: fields[0], oid: parseOID(fields[1]), category: fields[2][0], array: parseOID(fields[3])}
		if len(fields) > 4 {
			t.multirange = parseOID(fields[4])
		}
		types = append(types, t)
	}
	return types
}

// tableLines are the words of each line that is no comment.
func tableLines(text string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "-- ") && !yield(strings.Fields(line)) {
				return
			}
		}
	}
}

func parseOID(text string) uint32 {
	oid, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		panic(err) // a table of ours
	}
	return uint32(oid)
}

// catalogTypeNamed finds a type that a statement may name, or returns nil.
func catalogTypeNamed(name string) *catalogType {
	types := catalogTypes()
	for i := range types {
		if types[i].name == name {
			return &types[i]
		}
	}
	return nil
}

func catalogTypeOf(oid uint32) *catalogType {
	types := catalogTypes()
	for i := range types {
		if types[i].oid == oid {
			return &types[i]
		}
	}
	return nil
}

// arrayOID is the array type over a type, 0 if it is not known.
func arrayOID(oid uint32) uint32 {
	if t := catalogTypeOf(oid); t != nil {
		return t.array
	}
	return 0
}

// elementOID is the type of an array's elements, 0 if it is not known.
func elementOID(oid uint32) uint32 {
	for _, t := range catalogTypes() {
		if oid != 0 && t.array == oid {
			return t.oid
		}
	}
	return 0
}

// multirangeOID is the multirange type over a range type, 0 if it is not known.
func multirangeOID(oid uint32) uint32 {
	if t := catalogTypeOf(oid); t != nil {
		return t.multirange
	}
	return 0
}

// implicitCasts are PostgreSQL's own casts that apply by themselves, from one type
// to another. Arrays are converted by their elements.
var implicitCasts = sync.OnceValue(func() map[[2]uint32]bool { return parseCasts(castsText) })

func parseCasts(text string) map[[2]uint32]bool {
	casts := map[[2]uint32]bool{}
	for fields := range tableLines(text) {
		for _, target := range fields[1:] {
			casts[[2]uint32{parseOID(fields[0]), parseOID(target)}] = true
		}
	}
	return casts
}

// convertsItself reports whether PostgreSQL itself may make a value of its type
// to of one of its type from without a cast being written; of types outside the
// list anything is possible.
func convertsItself(from, to uint32) bool {
	if from == to || category(from) == 0 || category(to) == 0 {
		return true
	}
	if a, b := elementOID(from), elementOID(to); a != 0 && b != 0 {
		return convertsItself(a, b)
	}
	return implicitCasts()[[2]uint32{from, to}]
}

// category is the kind of a type by which PostgreSQL prefers conversions.
func category(oid uint32) byte {
	if t := catalogTypeOf(oid); t != nil {
		return t.category
	}
	if elementOID(oid) != 0 {
		return 'A'
	}
	return 0
}

// isPolymorphic reports whether a parameter of the type takes values of many types.
func isPolymorphic(oid uint32) bool {
	switch oid {
	case 2276, 2277, 2283, 2776, 3500, 3831, 4537, 5077, 5078, 5079, 5080, 4538: // any, anyarray, anyelement …
		return true
	}
	return false
}

// catalogOperators are the operators of pg_catalog, each with the types for which it
// exists with both operands of that type.
var catalogOperators = sync.OnceValue(func() map[string][]uint32 { return parseOperators(operatorsText) })

func parseOperators(text string) map[string][]uint32 {
	operators := map[string][]uint32{}
	for fields := range tableLines(text) {
		operators[fields[0]] = []uint32{}
		for _, oid := range fields[1:] {
			operators[fields[0]] = append(operators[fields[0]], parseOID(oid))
		}
	}
	return operators
}

func isBuiltinOperator(name string) bool {
	_, ok := catalogOperators()[name]
	return ok || name == "!="
}

// comparesItself reports whether pg_catalog has the operator for two operands of
// a type: then it is the one for a constant beside a value of the type. A type of
// which only the kind is known is taken for one that can be compared.
func comparesItself(op string, oid uint32) bool {
	oids := catalogOperators()[op]
	switch category(oid) {
	case 0, 'S':
		return slices.Contains(oids, textOID)
	case 'A':
		return slices.Contains(oids, anyarrayOID)
	case 'R':
		return slices.Contains(oids, anyrangeOID)
	}
	return slices.Contains(oids, oid)
}

package guard

import (
	"slices"
	"strconv"
	"strings"
)

// OIDs of PostgreSQL's own types, which are the same on every server.
const (
	int8OID     = 20
	int4OID     = 23
	textOID     = 25
	jsonOID     = 114
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
	name     string
	oid      uint32
	category byte // pg_type.typcategory
	array    uint32
}

var catalogTypes = []catalogType{
	{"bool", 16, 'B', 1000},
	{"bytea", 17, 'U', 1001},
	{"char", 18, 'Z', 1002},
	{"name", 19, 'S', 1003},
	{"int8", 20, 'N', 1016},
	{"int2", 21, 'N', 1005},
	{"int2vector", 22, 'A', 1006},
	{"int4", 23, 'N', 1007},
	{"text", 25, 'S', 1009},
	{"oid", 26, 'N', 1028},
	{"tid", 27, 'U', 1010},
	{"xid", 28, 'U', 1011},
	{"cid", 29, 'U', 1012},
	{"oidvector", 30, 'A', 1013},
	{"json", 114, 'U', 199},
	{"xml", 142, 'U', 143},
	{"point", 600, 'G', 1017},
	{"lseg", 601, 'G', 1018},
	{"path", 602, 'G', 1019},
	{"box", 603, 'G', 1020},
	{"polygon", 604, 'G', 1027},
	{"line", 628, 'G', 629},
	{"cidr", 650, 'I', 651},
	{"float4", 700, 'N', 1021},
	{"float8", 701, 'N', 1022},
	{"circle", 718, 'G', 719},
	{"macaddr8", 774, 'U', 775},
	{"money", 790, 'N', 791},
	{"macaddr", 829, 'U', 1040},
	{"inet", 869, 'I', 1041},
	{"bpchar", 1042, 'S', 1014},
	{"varchar", 1043, 'S', 1015},
	{"date", 1082, 'D', 1182},
	{"time", 1083, 'D', 1183},
	{"timestamp", 1114, 'D', 1115},
	{"timestamptz", 1184, 'D', 1185},
	{"interval", 1186, 'T', 1187},
	{"timetz", 1266, 'D', 1270},
	{"bit", 1560, 'V', 1561},
	{"varbit", 1562, 'V', 1563},
	{"numeric", 1700, 'N', 1231},
	{"refcursor", 1790, 'U', 2201},
	{"uuid", 2950, 'U', 2951},
	{"txid_snapshot", 2970, 'U', 2949},
	{"pg_lsn", 3220, 'U', 3221},
	{"tsvector", 3614, 'U', 3643},
	{"tsquery", 3615, 'U', 3645},
	{"jsonb", 3802, 'U', 3807},
	{"int4range", 3904, 'R', 3905},
	{"numrange", 3906, 'R', 3907},
	{"tsrange", 3908, 'R', 3909},
	{"tstzrange", 3910, 'R', 3911},
	{"daterange", 3912, 'R', 3913},
	{"int8range", 3926, 'R', 3927},
	{"jsonpath", 4072, 'U', 4073},
	{"int4multirange", 4451, 'R', 6150},
	{"nummultirange", 4532, 'R', 6151},
	{"tsmultirange", 4533, 'R', 6152},
	{"tstzmultirange", 4534, 'R', 6153},
	{"datemultirange", 4535, 'R', 6155},
	{"int8multirange", 4536, 'R', 6157},
	{"pg_snapshot", 5038, 'U', 5039},
	{"xid8", 5069, 'U', 271},
	{"regconfig", 3734, 'N', 3735},
}

// catalogTypeNamed finds a type that a statement may name, or returns nil.
func catalogTypeNamed(name string) *catalogType {
	for i := range catalogTypes {
		if catalogTypes[i].name == name {
			return &catalogTypes[i]
		}
	}
	return nil
}

func catalogTypeOf(oid uint32) *catalogType {
	for i := range catalogTypes {
		if catalogTypes[i].oid == oid {
			return &catalogTypes[i]
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
	for i := range catalogTypes {
		if oid != 0 && catalogTypes[i].array == oid {
			return catalogTypes[i].oid
		}
	}
	return 0
}

// multirangeOID is the multirange type over a range type, 0 if it is not known.
func multirangeOID(oid uint32) uint32 {
	switch oid {
	case 3904:
		return 4451
	case 3906:
		return 4532
	case 3908:
		return 4533
	case 3910:
		return 4534
	case 3912:
		return 4535
	case 3926:
		return 4536
	}
	return 0
}

// implicitCasts are PostgreSQL's own casts that apply by themselves: a line has
// the source, then the targets. Arrays are converted by their elements.
var implicitCasts = implicitTable(`
18: 25
19: 25
20: 24 26 700 701 1700 2202 2203 2204 2205 2206 3734 3769 4089 4096 4191
21: 20 23 24 26 700 701 1700 2202 2203 2204 2205 2206 3734 3769 4089 4096 4191
23: 20 24 26 700 701 1700 2202 2203 2204 2205 2206 3734 3769 4089 4096 4191
25: 19 1042 1043 2205
26: 24 2202 2203 2204 2205 2206 3734 3769 4089 4096 4191
650: 869
700: 701
774: 829
829: 774
1042: 19 25 1043
1043: 19 25 1042 2205
1082: 1114 1184
1083: 1186 1266
1114: 1184
1560: 1562
1562: 1560
1700: 700 701
3734: 26
`)

func implicitTable(text string) map[[2]uint32]bool {
	table := map[[2]uint32]bool{}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		source, targets, _ := strings.Cut(line, ": ")
		from, _ := strconv.ParseUint(source, 10, 32)
		for target := range strings.FieldsSeq(targets) {
			to, _ := strconv.ParseUint(target, 10, 32)
			table[[2]uint32{uint32(from), uint32(to)}] = true
		}
	}
	return table
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
	return implicitCasts[[2]uint32{from, to}]
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

// catalogOperators are the operators of pg_catalog: a line names some, and the types
// for which they exist with both operands of that type. Of the last line's none do.
var catalogOperators = operatorTable(`
!~ !~* !~~* @@ ^@ ~ ~* ~~*: 25
!~~ ~~: 17 25
#: 20 21 23 601 603 628 1560
##: 601
%: 20 21 23 1700
& |: 20 21 23 774 829 869 1560
&&: 603 604 718 869 2277 3615 3831 4537
&< &>: 603 604 718 3831 4537
&<| |&>: 603 604 718
*: 20 21 23 600 700 701 1700 3831 4537
*< *<= *<> *= *> *>=: 2249
+: 20 21 23 600 602 700 701 790 1186 1700 3831 4537
-: 20 21 23 600 700 701 790 869 1082 1083 1114 1184 1186 1700 3220 3831 4537
-|-: 3831 4537
/: 20 21 23 600 700 701 790 1700
< <= > >=: 16 17 18 19 20 21 23 25 26 27 30 601 602 603 700 701 718 774 790 829 869 1042 1082 1083 1114 1184 1186
  1266 1560 1562 1700 2249 2277 2950 3220 3500 3614 3615 3802 3831 4537 5069
<->: 600 601 602 603 604 628 718 3615
<< >>: 23 600 603 604 718 869 3831 4537
<<= >>=: 869
<<| |>> ~=: 600 603 604 718
<>: 16 17 18 19 20 21 23 25 26 27 28 30 600 601 700 701 718 774 790 829 869 1042 1082 1083 1114 1184 1186 1266 1560
  1562 1700 2249 2277 2950 3220 3500 3614 3615 3802 3831 4537 5069
<@ @>: 603 604 718 2277 3615 3802 3831 4537
<^ >^: 600 603
=: 16 17 18 19 20 21 23 25 26 27 28 29 30 601 602 603 628 700 701 718 774 790 829 869 1033 1042 1082 1083 1114 1184
  1186 1266 1560 1562 1700 2249 2277 2950 3220 3500 3614 3615 3802 3831 4537 5069
?#: 601 602 603 628
?- ?|: 600
?-| ?||: 601 628
^: 701 1700
||: 17 25 1562 3614 3615 3802 5078
~<=~ ~<~ ~>=~ ~>~: 25 1042
#- #> #>> -> ->> @ @-@ @? @@@ ? ?& |/ ||/ !!:
`)

func operatorTable(text string) map[string][]uint32 {
	table := map[string][]uint32{}
	text = strings.ReplaceAll(text, "\n  ", " ")
	for line := range strings.Lines(strings.TrimSpace(text)) {
		names, types, _ := strings.Cut(line, ": ")
		var oids []uint32
		for field := range strings.FieldsSeq(types) {
			oid, _ := strconv.ParseUint(field, 10, 32)
			oids = append(oids, uint32(oid))
		}
		for name := range strings.FieldsSeq(strings.TrimSuffix(names, ":")) {
			table[name] = oids
		}
	}
	return table
}

func isBuiltinOperator(name string) bool {
	_, ok := catalogOperators[name]
	return ok || name == "!="
}

// comparesItself reports whether pg_catalog has the operator for two operands of
// a type: then it is the one for a constant beside a value of the type. A type of
// which only the kind is known is taken for one that can be compared.
func comparesItself(op string, oid uint32) bool {
	oids := catalogOperators[op]
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

package guard

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// Bounds of what a statement can make out of nothing, whatever its own length.
// Some of it PostgreSQL cannot be stopped from making, or from comparing, so it
// must be seen here. What tables hold is not seen: it is bounded when it runs.
const (
	maxRepeat    = 100_000    // characters or elements of one call
	maxMade      = 10_000_000 // characters or elements of one value
	maxGathered  = 10_000     // of each of the values that an aggregate puts together
	maxSeries    = 10_000_000 // rows
	maxFactorial = 10_000
	maxMatching  = 10_000_000 // characters of a text times those of a pattern: about 50 ms
)

// ofTables is how long a value from a table is taken to be where a pattern is
// compared with it.
const ofTables = 500

// A bound judges the call of a function and returns how much the statement makes
// by it, in characters or elements.
type bound func(r *resolver, name string, n *pg_query.FuncCall, args []typ) float64

// boundOf is the bound of a routine, nil for one that makes no more than it is
// given. Those of class [policy.Bounded] have one.
func boundOf(name string) bound {
	switch name {
	case "repeat":
		return repeating
	case "lpad", "rpad":
		return padded
	case "array_fill":
		return filled
	case "format":
		return formatted
	case "factorial":
		return multiplied
	case "replace", "regexp_replace":
		return replaced
	case "generate_series":
		return series
	case "like", "notlike", "textlike", "textnlike", "texticlike", "texticnlike", "bpcharlike", "bpcharnlike", "bpchariclike",
		"bpcharicnlike", "namelike", "namenlike", "nameiclike", "nameicnlike", "bytealike", "byteanlike", "textregexeq",
		"textregexne", "texticregexeq", "texticregexne", "bpcharregexeq", "bpcharregexne", "bpcharicregexeq",
		"bpcharicregexne", "nameregexeq", "nameregexne", "nameicregexeq", "nameicregexne", "regexp_like", "regexp_count",
		"regexp_instr", "regexp_match", "regexp_matches", "regexp_substr", "regexp_split_to_array", "regexp_split_to_table",
		"arraycontains", "arraycontained", "arrayoverlap":
		return matched
	case "xpath", "xpath_exists", "xmlexists":
		return located
	case "pg_input_is_valid", "pg_input_error_info":
		return typed
	case "array_agg", "string_agg", "xmlagg", "json_agg", "json_agg_strict", "jsonb_agg", "jsonb_agg_strict", "json_object_agg",
		"json_object_agg_strict", "json_object_agg_unique", "json_object_agg_unique_strict", "jsonb_object_agg",
		"jsonb_object_agg_strict", "jsonb_object_agg_unique", "jsonb_object_agg_unique_strict":
		return gathered
	}
	return nil
}

// makes judges how much a call makes and returns it.
func (r *resolver) makes(name string, n *pg_query.FuncCall, args []typ) float64 {
	size := made(args...)
	if b := boundOf(name); b != nil {
		size = b(r, name, n, args)
	}
	return r.limit(size, n.Location)
}

// made is how much goes into what is made of several values.
func made(types ...typ) float64 {
	size := 0.0
	for _, t := range types {
		size += t.made
	}
	return size
}

// limit refuses what is larger than a value should be. Less than nothing is nothing.
func (r *resolver) limit(size float64, at int32) float64 {
	if size > maxMade {
		r.refuse(NotSupported, at, "ask for less", "this would make more than %d characters or elements", maxMade)
	}
	return max(size, 0)
}

// within refuses a call unless size is known, and not above most.
func (r *resolver) within(name string, n *pg_query.FuncCall, size float64, known bool, most int, unit string) {
	switch {
	case !known, hasNames(n):
		r.refuse(NotSupported, n.Location, "write numbers there, or least(…, 1000)", "it cannot be told how much %s would make", name)
	case !(size <= float64(most)): // nor if it is no number
		r.refuse(NotSupported, n.Location, "ask for less", "%s would make more than %d %s", name, most, unit)
	}
}

// hasNames reports whether an argument of a call is named, which may change their order.
func hasNames(n *pg_query.FuncCall) bool {
	return slices.ContainsFunc(n.Args, func(a *pg_query.Node) bool { return a.GetNamedArgExpr() != nil })
}

func repeating(r *resolver, name string, n *pg_query.FuncCall, args []typ) float64 {
	times, known := argument(n, 1)
	size := times
	if len(args) > 0 {
		size *= max(args[0].made, 1)
	}
	r.within(name, n, size, known, maxRepeat, "characters")
	return size
}

func padded(r *resolver, name string, n *pg_query.FuncCall, args []typ) float64 {
	size, known := argument(n, 1)
	r.within(name, n, size, known, maxRepeat, "characters")
	return size
}

func filled(r *resolver, name string, n *pg_query.FuncCall, args []typ) float64 {
	size, known := elements(n)
	if len(args) > 0 {
		size *= max(args[0].made, 1)
	}
	r.within(name, n, size, known, maxRepeat, "elements")
	return size
}

// formatted: each place of a format may show the longest argument, or a field.
func formatted(r *resolver, name string, n *pg_query.FuncCall, args []typ) float64 {
	format, known := formatText(n)
	width := widest(format)
	r.within(name, n, width, known, maxRepeat, "characters")
	longest := width
	for _, t := range args {
		longest = max(longest, t.made)
	}
	return made(args...) + float64(strings.Count(format, "%"))*longest
}

func multiplied(r *resolver, name string, n *pg_query.FuncCall, args []typ) float64 {
	size, _ := argument(n, 0)
	r.within(name, n, size, true, maxFactorial, "factors")
	return 0
}

func series(r *resolver, name string, n *pg_query.FuncCall, args []typ) float64 {
	r.within(name, n, rows(n), true, maxSeries, "rows")
	return 0
}

// replaced: what stands for each part of a text can be longer than the part. A
// regular expression can find parts of one character.
func replaced(r *resolver, name string, n *pg_query.FuncCall, args []typ) float64 {
	if len(args) < 3 {
		return made(args...)
	}
	if hasNames(n) {
		size := 1.0
		for _, t := range args {
			size *= max(t.made, 1)
		}
		return size
	}
	part := 1.0
	if name == "replace" {
		part = max(args[1].made, 1)
	}
	return max(args[0].made, 1) * max(args[2].made/part, 1)
}

// gathered: an aggregate keeps all that it is given.
func gathered(r *resolver, name string, n *pg_query.FuncCall, args []typ) float64 {
	size := made(args...)
	r.gather(name, size, n.Location)
	return size
}

func (r *resolver) gather(name string, size float64, at int32) {
	if size > maxGathered {
		r.refuse(NotSupported, at, "ask for less", "%s would keep more than %d characters of each row", name, maxGathered)
	}
}

// matched: PostgreSQL compares a pattern with each part of a text, and does not
// look up while it does.
func matched(r *resolver, name string, n *pg_query.FuncCall, args []typ) float64 {
	if len(args) > 1 {
		r.matching(args[0], args[1], n.Location)
	}
	return made(args...)
}

func (r *resolver) matching(text, pattern typ, at int32) {
	size := func(t typ) float64 {
		if t.made == 0 {
			return ofTables
		}
		return t.made
	}
	if size(text)*size(pattern) > maxMatching {
		r.refuse(NotSupported, at, "compare shorter ones", "comparing what is so long could not be stopped")
	}
}

// isMatching reports whether an operator compares all of one operand with all of
// the other.
func isMatching(op string) bool {
	switch op {
	case "~~", "!~~", "~~*", "!~~*", "~", "!~", "~*", "!~*", "@>", "<@", "&&":
		return true
	}
	return false
}

// typed: the second argument is the name of a type, whose input function is run.
func typed(r *resolver, name string, n *pg_query.FuncCall, args []typ) float64 {
	if len(n.Args) < 2 {
		return 0
	}
	text := n.Args[1].GetAConst().GetSval()
	if text == nil || !r.isPlainType(text.Sval) {
		r.refuse(NotSupported, n.Location, "write a type such as 'integer' or 'numeric(10,2)'", "%s takes the name of one of PostgreSQL's own types as a constant only", name)
	}
	return made(args...)
}

// isPlainType reports whether a text names a type of pg_catalog that statements may
// name.
func (r *resolver) isPlainType(text string) bool {
	sql := "SELECT NULL::" + text
	if checkText(sql, r.policy.Limits) != nil {
		return false
	}
	tree, refusal := parse(sql)
	if refusal != nil || walk(sql, tree) != nil {
		return false
	}
	targets := tree.Stmts[0].Stmt.GetSelectStmt().GetTargetList()
	if len(targets) != 1 {
		return false
	}
	cast := targets[0].GetResTarget().GetVal().GetTypeCast()
	if cast == nil || cast.Arg.GetAConst() == nil {
		return false
	}
	plain := newResolver(sql, r.policy)
	t := plain.typeName(cast.TypeName)
	return !plain.refused() && t.class == builtin
}

// argument is the value of an argument, or a bound above it, if it can be told.
func argument(n *pg_query.FuncCall, i int) (float64, bool) {
	if i >= len(n.Args) {
		return 0, false
	}
	return atMost(n.Args[i])
}

// elements is how many elements array_fill makes.
func elements(n *pg_query.FuncCall) (float64, bool) {
	if len(n.Args) < 2 || n.Args[1].GetAArrayExpr() == nil {
		return 0, false
	}
	product := 1.0
	for _, e := range n.Args[1].GetAArrayExpr().Elements {
		size, known := atMost(e)
		if !known {
			return 0, false
		}
		product *= max(size, 1)
	}
	return product, true
}

// rows is how many rows generate_series makes, 0 if that cannot be told.
func rows(n *pg_query.FuncCall) float64 {
	if len(n.Args) < 2 {
		return 0
	}
	if first, last := day(n.Args[0]), day(n.Args[1]); len(n.Args) > 2 && !first.IsZero() && !last.IsZero() {
		return float64(last.Unix()-first.Unix()) / stepSeconds(n.Args[2])
	}
	first, known := argument(n, 0)
	last, alsoKnown := argument(n, 1)
	step := 1.0
	if len(n.Args) > 2 {
		step, _ = argument(n, 2)
	}
	if !known || !alsoKnown || step == 0 {
		return 0
	}
	return (last - first) / step
}

// constantText is the text of a constant, or one that it begins with.
func constantText(n *pg_query.Node) (string, bool) {
	for isText(n.GetTypeCast().GetTypeName()) {
		n = n.GetTypeCast().Arg
	}
	c := n.GetAConst()
	return c.GetSval().GetSval(), c != nil && (c.GetSval() != nil || c.Isnull)
}

var (
	writtenDay  = regexp.MustCompile(`^\s*(\d{4,6})-(\d{1,2})-(\d{1,2})`)
	writtenStep = regexp.MustCompile(`^\s*(\d*)\s*(second|minute|hour|day|week|month|year)s?\s*$`)
)

// day is the day of a constant in ISO 8601, or zero.
func day(n *pg_query.Node) time.Time {
	text, _ := constantText(withoutCasts(n))
	m := writtenDay.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}
	}
	year, _ := strconv.Atoi(m[1])
	month, _ := strconv.Atoi(m[2])
	date, _ := strconv.Atoi(m[3])
	return time.Date(year, time.Month(month), date, 0, 0, 0, 0, time.UTC)
}

// stepSeconds is about how long a constant interval is, infinity if that cannot
// be told.
func stepSeconds(n *pg_query.Node) float64 {
	text, _ := constantText(withoutCasts(n))
	m := writtenStep.FindStringSubmatch(text)
	if m == nil {
		return math.Inf(1)
	}
	count := 1.0
	if m[1] != "" {
		count, _ = strconv.ParseFloat(m[1], 64)
	}
	const dayLong = 24 * 60 * 60
	return count * map[string]float64{"second": 1, "minute": 60, "hour": 3600, "day": dayLong, "week": 7 * dayLong, "month": 30 * dayLong, "year": 365 * dayLong}[m[2]]
}

var (
	formatWidth  = regexp.MustCompile(`%(?:\d+\$)?-*(\d+)`)
	givenByValue = regexp.MustCompile(`%(?:\d+\$)?-*\*`)
)

// formatText is the format, which must be a constant that gives its widths itself.
func formatText(n *pg_query.FuncCall) (string, bool) {
	if len(n.Args) == 0 {
		return "", true
	}
	text, known := constantText(n.Args[0])
	return text, known && !givenByValue.MatchString(text)
}

// widest is the widest field of a format.
func widest(format string) float64 {
	widest := 0.0
	for _, m := range formatWidth.FindAllStringSubmatch(format, -1) {
		width, _ := strconv.ParseFloat(m[1], 64)
		widest = max(widest, width)
	}
	return widest
}

// atMost is a number that the value of an expression is not above, if that can
// be told: its value, or the least of what LEAST is given.
func atMost(n *pg_query.Node) (float64, bool) {
	least := n.GetMinMaxExpr()
	if least == nil || least.Op != pg_query.MinMaxOp_IS_LEAST {
		return constantValue(n)
	}
	bound, known := 0.0, false
	for _, arg := range least.Args {
		if v, ok := atMost(arg); ok && (!known || v < bound) {
			bound, known = v, true
		}
	}
	return bound, known
}

// constantValue is the value of an expression of numbers, if it is one.
func constantValue(n *pg_query.Node) (float64, bool) {
	switch n := n.GetNode().(type) {
	case *pg_query.Node_AConst:
		switch v := n.AConst.Val.(type) {
		case *pg_query.A_Const_Ival:
			return float64(v.Ival.Ival), true
		case *pg_query.A_Const_Fval:
			f, err := strconv.ParseFloat(v.Fval.Fval, 64)
			return f, err == nil
		case *pg_query.A_Const_Sval:
			f, err := strconv.ParseFloat(strings.TrimSpace(v.Sval.Sval), 64)
			return f, err == nil
		}
		return 0, n.AConst.Isnull
	case *pg_query.Node_TypeCast:
		if !isNumeric(n.TypeCast.TypeName) {
			return 0, false
		}
		return constantValue(n.TypeCast.Arg)
	case *pg_query.Node_AExpr:
		left, known := 0.0, true
		if n.AExpr.Lexpr != nil {
			left, known = constantValue(n.AExpr.Lexpr)
		}
		right, alsoKnown := constantValue(n.AExpr.Rexpr)
		if !known || !alsoKnown || n.AExpr.Kind != pg_query.A_Expr_Kind_AEXPR_OP || len(n.AExpr.Name) != 1 {
			return 0, false
		}
		switch n.AExpr.Name[0].GetString_().GetSval() {
		case "+":
			return left + right, true
		case "-":
			return left - right, true
		case "*":
			return left * right, true
		case "/":
			return left / right, true
		}
	}
	return 0, false
}

// withoutCasts is what is cast.
func withoutCasts(n *pg_query.Node) *pg_query.Node {
	for n.GetTypeCast() != nil {
		n = n.GetTypeCast().Arg
	}
	return n
}

// isText reports whether a cast to the type leaves a text what it is, but for its end.
func isText(n *pg_query.TypeName) bool {
	t := ownType(n)
	return t != nil && t.category == 'S'
}

// isNumeric reports whether a cast to the type leaves a number what it is, but
// for rounding.
func isNumeric(n *pg_query.TypeName) bool {
	t := ownType(n)
	return t != nil && t.category == 'N' && t.name != "money" && t.name != "regconfig" && t.name != "oid"
}

// ownType is the type of pg_catalog that is written, or nil.
func ownType(n *pg_query.TypeName) *catalogType {
	names := stringsOf(n.GetNames())
	if len(names) == 0 || len(n.ArrayBounds) > 0 || len(names) > 1 && names[0] != "pg_catalog" {
		return nil
	}
	return catalogTypeNamed(names[len(names)-1])
}

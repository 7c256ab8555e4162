package guard

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Bounds of arguments that say how much a function makes. Some of what they make
// PostgreSQL cannot be stopped from making, so they must be seen here.
const (
	maxRepeat    = 100_000    // characters or elements
	maxSeries    = 10_000_000 // rows, if they can be seen: what more there are is bounded when it runs
	maxFactorial = 10_000
)

// amplifier bounds the arguments of functions that make much of little.
func (r *resolver) amplifier(name string, n *pg_query.FuncCall) {
	size, known, most, unit := 0.0, true, 0, ""
	switch name {
	case "repeat", "lpad", "rpad":
		size, known = argument(n, 1)
		most, unit = maxRepeat, "characters"
		if len(n.Args) > 0 {
			if inner := amplified(n.Args[0].ProtoReflect()); inner != "" {
				r.refuse(NotSupported, n.Location, "", "%s of what %s makes is not supported", name, inner)
			}
		}
	case "factorial":
		size, _ = argument(n, 0)
		most, unit = maxFactorial, "factors"
	case "array_fill":
		size, known = elements(n)
		most, unit = maxRepeat, "elements"
	case "generate_series":
		size = rows(n)
		most, unit = maxSeries, "rows"
	case "format":
		size, known = widest(n)
		most, unit = maxRepeat, "characters"
	default:
		return
	}
	named := slices.ContainsFunc(n.Args, func(a *pg_query.Node) bool { return a.GetNamedArgExpr() != nil })
	switch {
	case !known, named:
		r.refuse(NotSupported, n.Location, "write numbers there, or least(…, 1000)", "it cannot be told how much %s would make", name)
	case !(size <= float64(most)): // nor if it is no number
		r.refuse(NotSupported, n.Location, "ask for less", "%s would make more than %d %s", name, most, unit)
	}
}

// amplified is the name of an amplifier that is called in m, or empty.
func amplified(m protoreflect.Message) string {
	if c, ok := m.Interface().(*pg_query.FuncCall); ok {
		switch name := c.Funcname[len(c.Funcname)-1].GetString_().GetSval(); name {
		case "repeat", "lpad", "rpad":
			return name
		}
	}
	for field := range populated(m) {
		switch v := m.Get(field); {
		case field.Kind() != protoreflect.MessageKind:
		case field.IsList():
			for i := range v.List().Len() {
				if name := amplified(v.List().Get(i).Message()); name != "" {
					return name
				}
			}
		default:
			if name := amplified(v.Message()); name != "" {
				return name
			}
		}
	}
	return ""
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

var (
	formatWidth  = regexp.MustCompile(`%(?:\d+\$)?-*(\d+)`)
	givenByValue = regexp.MustCompile(`%(?:\d+\$)?-*\*`)
)

// widest is the widest field of a format, which must be a constant that gives
// its widths itself.
func widest(n *pg_query.FuncCall) (float64, bool) {
	if len(n.Args) == 0 {
		return 0, true
	}
	format := n.Args[0]
	for format.GetTypeCast() != nil {
		format = format.GetTypeCast().Arg
	}
	text := format.GetAConst()
	if text == nil || givenByValue.MatchString(text.GetSval().GetSval()) {
		return 0, false
	}
	widest := 0.0
	for _, m := range formatWidth.FindAllStringSubmatch(text.GetSval().GetSval(), -1) {
		width, _ := strconv.ParseFloat(m[1], 64)
		widest = max(widest, width)
	}
	return widest, true
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

// isNumeric reports whether a cast to the type leaves a number what it is, but
// for rounding.
func isNumeric(n *pg_query.TypeName) bool {
	t := catalogTypeNamed(n.GetNames()[len(n.GetNames())-1].GetString_().GetSval())
	if t == nil || len(n.ArrayBounds) > 0 || len(n.Names) > 1 && n.Names[0].GetString_().GetSval() != "pg_catalog" {
		return false
	}
	return t.category == 'N' && t.name != "money" && t.name != "regconfig" && t.name != "oid"
}

package guard

import (
	"cmp"
	"strconv"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// noName is the name of an output column that has no better one.
const noName = "?column?"

// outputName is the name that PostgreSQL gives to an output column without an
// alias (FigureColname). Expressions must have been read before: the name of a
// subquery is that of its output.
func (r *resolver) outputName(n *pg_query.Node) string {
	if name, _ := r.figureName(n); name != "" {
		return name
	}
	return noName
}

// isSpelled reports whether the name of an output column without an alias is
// that of a column which it refers to.
func isSpelled(n *pg_query.Node) bool {
	switch n := n.GetNode().(type) {
	case *pg_query.Node_ColumnRef:
		return true
	case *pg_query.Node_TypeCast:
		return isSpelled(n.TypeCast.Arg)
	case *pg_query.Node_CollateClause:
		return isSpelled(n.CollateClause.Arg)
	}
	return false
}

// figureName also tells how good a name is: 0 none, 1 a fallback, 2 a name.
func (r *resolver) figureName(n *pg_query.Node) (string, int) {
	switch n := n.GetNode().(type) {
	case *pg_query.Node_ColumnRef:
		return lastName(n.ColumnRef.Fields)
	case *pg_query.Node_AIndirection:
		if name, strength := lastName(n.AIndirection.Indirection); strength > 0 {
			return name, strength
		}
		return r.figureName(n.AIndirection.Arg)
	case *pg_query.Node_FuncCall:
		return lastName(n.FuncCall.Funcname)
	case *pg_query.Node_AExpr:
		if n.AExpr.Kind == pg_query.A_Expr_Kind_AEXPR_NULLIF {
			return "nullif", 2
		}
	case *pg_query.Node_TypeCast:
		if name, strength := r.figureName(n.TypeCast.Arg); strength > 1 {
			return name, strength
		}
		if names := n.TypeCast.TypeName.GetNames(); len(names) > 0 {
			return names[len(names)-1].GetString_().GetSval(), 1
		}
	case *pg_query.Node_CollateClause:
		return r.figureName(n.CollateClause.Arg)
	case *pg_query.Node_GroupingFunc:
		return "grouping", 2
	case *pg_query.Node_SubLink:
		switch n.SubLink.SubLinkType {
		case pg_query.SubLinkType_EXISTS_SUBLINK:
			return "exists", 2
		case pg_query.SubLinkType_ARRAY_SUBLINK:
			return "array", 2
		case pg_query.SubLinkType_EXPR_SUBLINK:
			return cmp.Or(r.scalarNames[n.SubLink], noName), 2
		}
	case *pg_query.Node_CaseExpr:
		if name, strength := r.figureName(n.CaseExpr.Defresult); strength > 1 {
			return name, strength
		}
		return "case", 1
	case *pg_query.Node_AArrayExpr:
		return "array", 2
	case *pg_query.Node_RowExpr:
		return "row", 2
	case *pg_query.Node_CoalesceExpr:
		return "coalesce", 2
	case *pg_query.Node_MinMaxExpr:
		if n.MinMaxExpr.Op == pg_query.MinMaxOp_IS_GREATEST {
			return "greatest", 2
		}
		return "least", 2
	case *pg_query.Node_SqlvalueFunction:
		return valueFunctionName(n.SqlvalueFunction.Op), 2
	case *pg_query.Node_XmlExpr:
		return xmlName(n.XmlExpr.Op)
	case *pg_query.Node_XmlSerialize:
		return "xmlserialize", 2
	case *pg_query.Node_JsonObjectConstructor:
		return "json_object", 2
	case *pg_query.Node_JsonArrayConstructor, *pg_query.Node_JsonArrayQueryConstructor:
		return "json_array", 2
	case *pg_query.Node_JsonObjectAgg:
		return "json_objectagg", 2
	case *pg_query.Node_JsonArrayAgg:
		return "json_arrayagg", 2
	}
	return "", 0
}

func lastName(fields []*pg_query.Node) (string, int) {
	for i := len(fields) - 1; i >= 0; i-- {
		if s := fields[i].GetString_(); s != nil {
			return s.Sval, 2
		}
	}
	return "", 0
}

func valueFunctionName(op pg_query.SQLValueFunctionOp) string {
	name := strings.ToLower(strings.TrimPrefix(op.String(), "SVFOP_"))
	return strings.TrimSuffix(name, "_n")
}

func xmlName(op pg_query.XmlExprOp) (string, int) {
	switch op {
	case pg_query.XmlExprOp_IS_XMLCONCAT:
		return "xmlconcat", 2
	case pg_query.XmlExprOp_IS_XMLELEMENT:
		return "xmlelement", 2
	case pg_query.XmlExprOp_IS_XMLFOREST:
		return "xmlforest", 2
	case pg_query.XmlExprOp_IS_XMLPARSE:
		return "xmlparse", 2
	case pg_query.XmlExprOp_IS_XMLPI:
		return "xmlpi", 2
	case pg_query.XmlExprOp_IS_XMLROOT:
		return "xmlroot", 2
	}
	return "", 0
}

func numbered(prefix string, index int) string { return prefix + strconv.Itoa(index+1) }

// qualified is a name as it was written.
func qualified(schema, name string) string {
	if schema == "" {
		return name
	}
	return schema + "." + name
}

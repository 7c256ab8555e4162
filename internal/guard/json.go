package guard

import pg_query "github.com/pganalyze/pg_query_go/v5"

// firstJSONSyntax is the server version that understands the SQL/JSON
// constructors. An older one reads them as calls of functions of those names,
// which may be a user's. It does not know XMLSERIALIZE's INDENT either.
const firstJSONSyntax = 160000

// jsonExpr reads the SQL/JSON constructors and predicates; ok is false for any
// other node.
func (r *resolver) jsonExpr(q *query, node any) (t typ, ok bool) {
	var output *pg_query.JsonOutput
	at := int32(-1)
	size := 0.0
	switch n := node.(type) {
	case *pg_query.Node_JsonObjectConstructor:
		for _, kv := range n.JsonObjectConstructor.Exprs {
			size += r.jsonPair(q, kv.GetJsonKeyValue())
		}
		output, at = n.JsonObjectConstructor.Output, n.JsonObjectConstructor.Location
	case *pg_query.Node_JsonArrayConstructor:
		for _, e := range n.JsonArrayConstructor.Exprs {
			size += r.jsonValue(q, e.GetJsonValueExpr())
		}
		output, at = n.JsonArrayConstructor.Output, n.JsonArrayConstructor.Location
	case *pg_query.Node_JsonArrayQueryConstructor:
		r.subquery(q, n.JsonArrayQueryConstructor.Query)
		output, at = n.JsonArrayQueryConstructor.Output, n.JsonArrayQueryConstructor.Location
	case *pg_query.Node_JsonObjectAgg:
		size = r.jsonPair(q, n.JsonObjectAgg.Arg)
		r.jsonAggregate(q, n.JsonObjectAgg.Constructor, size)
		output, at = n.JsonObjectAgg.Constructor.GetOutput(), n.JsonObjectAgg.Constructor.GetLocation()
	case *pg_query.Node_JsonArrayAgg:
		size = r.jsonValue(q, n.JsonArrayAgg.Arg)
		r.jsonAggregate(q, n.JsonArrayAgg.Constructor, size)
		output, at = n.JsonArrayAgg.Constructor.GetOutput(), n.JsonArrayAgg.Constructor.GetLocation()
	case *pg_query.Node_JsonIsPredicate:
		r.expr(q, n.JsonIsPredicate.Expr)
		at = n.JsonIsPredicate.Location
	default:
		return typ{}, false
	}
	if r.catalog.ServerVersion < firstJSONSyntax {
		r.refuse(NotSupported, at, "use json_build_object, json_build_array or json_agg", "this server is older than the SQL/JSON syntax")
	}
	t = scalar
	if output.GetTypeName() != nil {
		t = r.typeName(output.TypeName)
		if t.oid != jsonOID && t.oid != jsonbOID {
			r.convertJSON = true
			r.judgeJSONCase(at)
		}
		r.convertTo(t, scalar, explicitly, at)
	}
	t.made = r.limit(size, at)
	return t, true
}

// judgeJSONCase refuses a statement with both CASE x WHEN … and RETURNING. Where x
// is constant, and wherever the planner brings them together, PostgreSQL 16 to 18
// convert x in place of the JSON, and take it for a text whatever it is: the
// server crashes, or shows what is at that address.
func (r *resolver) judgeJSONCase(at int32) {
	if r.caseOperand && r.convertJSON {
		r.refuse(NotSupported, at, "cast the JSON instead, or write CASE WHEN x = …", "CASE x WHEN … and RETURNING of JSON constructors are not supported together")
	}
}

// jsonPair and jsonValue return how much the statement makes of what they read.
func (r *resolver) jsonPair(q *query, kv *pg_query.JsonKeyValue) float64 {
	return r.expr(q, kv.GetKey()).made + r.jsonValue(q, kv.GetValue())
}

func (r *resolver) jsonValue(q *query, v *pg_query.JsonValueExpr) float64 {
	t := r.expr(q, v.GetRawExpr())
	r.encode(t, location(v.GetRawExpr()))
	return t.made
}

func (r *resolver) jsonAggregate(q *query, a *pg_query.JsonAggConstructor, size float64) {
	r.gather("the aggregate", size, a.GetLocation())
	r.sortList(q, a.GetAggOrder())
	r.condition(q, a.GetAggFilter())
	r.window(q, a.GetOver())
}

package guard

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// operation reads an operator and what is written like one.
func (r *resolver) operation(q *query, n *pg_query.A_Expr) typ {
	name := stringsOf(n.Name)
	switch n.Kind {
	case pg_query.A_Expr_Kind_AEXPR_OP:
		return r.binary(q, n, name)
	case pg_query.A_Expr_Kind_AEXPR_OP_ANY, pg_query.A_Expr_Kind_AEXPR_OP_ALL:
		left, right := r.expr(q, n.Lexpr), r.expr(q, n.Rexpr)
		element := right.element()
		element.made = right.made
		r.operator(name, left, element, n.Location)
		return boolean
	case pg_query.A_Expr_Kind_AEXPR_DISTINCT, pg_query.A_Expr_Kind_AEXPR_NOT_DISTINCT:
		r.binary(q, n, []string{"="})
		return boolean
	case pg_query.A_Expr_Kind_AEXPR_NULLIF:
		left, right := r.expr(q, n.Lexpr), r.expr(q, n.Rexpr)
		r.operator([]string{"="}, left, right, n.Location)
		switch {
		case left.class == literal && right.class == literal:
			return builtinType(textOID)
		case left.class == literal && right.class != builtin:
			return typ{} // of rows it makes a record
		}
		return r.common(left, right)
	case pg_query.A_Expr_Kind_AEXPR_IN:
		before := r.nodes
		var left typ
		columns := r.mentions(func() { left = r.expr(q, n.Lexpr) })
		r.copied(before, computedItems(n.Rexpr.GetList().GetItems()), n.Location)
		for _, item := range n.Rexpr.GetList().GetItems() {
			r.compared(n.Kind, "=", columns, item)
			r.compare(name, n.Lexpr, item, left, r.expr(q, item), n.Location)
		}
		return boolean
	case pg_query.A_Expr_Kind_AEXPR_LIKE, pg_query.A_Expr_Kind_AEXPR_ILIKE, pg_query.A_Expr_Kind_AEXPR_SIMILAR:
		var left typ
		columns := r.mentions(func() { left = r.expr(q, n.Lexpr) })
		r.compared(n.Kind, "", columns, n.Rexpr)
		right := r.expr(q, n.Rexpr)
		r.operator(name, left, right, n.Location)
		return boolean
	case pg_query.A_Expr_Kind_AEXPR_BETWEEN, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN,
		pg_query.A_Expr_Kind_AEXPR_BETWEEN_SYM, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
		before := r.nodes
		left := r.expr(q, n.Lexpr)
		symmetric := n.Kind == pg_query.A_Expr_Kind_AEXPR_BETWEEN_SYM || n.Kind == pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM
		r.copied(before, 1, n.Location) // one comparison with each bound
		if symmetric {
			r.copied(before, 1, n.Location) // and the other way round
		}
		for _, bound := range n.Rexpr.GetList().GetItems() {
			before := r.nodes
			right := r.expr(q, bound)
			if symmetric {
				r.copied(before, 1, n.Location)
			}
			for _, op := range []string{"<", "<=", ">", ">="} {
				r.compare([]string{op}, n.Lexpr, bound, left, right, n.Location)
			}
		}
		return boolean
	}
	r.refuse(NotSupported, n.Location, "", "this kind of operation is not understood")
	return typ{}
}

// binary reads a plain operator; rows are compared element by element.
func (r *resolver) binary(q *query, n *pg_query.A_Expr, name []string) typ {
	if n.Lexpr == nil {
		return r.operator(name, typ{class: absent}, r.expr(q, n.Rexpr), n.Location)
	}
	var left, right typ
	onLeft := r.mentions(func() { left = r.expr(q, n.Lexpr) })
	onRight := r.mentions(func() { right = r.expr(q, n.Rexpr) })
	op := name[len(name)-1]
	r.compared(n.Kind, op, onLeft, n.Rexpr)
	r.compared(n.Kind, op, onRight, n.Lexpr)
	return r.compare(name, n.Lexpr, n.Rexpr, left, right, n.Location)
}

func (r *resolver) compare(name []string, l, rt *pg_query.Node, left, right typ, at int32) typ {
	if l.GetRowExpr() != nil && rt.GetRowExpr() != nil && len(left.fields) == len(right.fields) {
		for i := range left.fields {
			r.operator(name, left.fields[i].typ, right.fields[i].typ, at)
		}
		return boolean
	}
	return r.operator(name, left, right, at)
}

// compareRow compares the left side of IN (SELECT …) and its kind with the
// columns of the subquery.
func (r *resolver) compareRow(name []string, l *pg_query.Node, left typ, columns []column, at int32) {
	if l.GetRowExpr() != nil && len(left.fields) == len(columns) {
		for i := range columns {
			r.operator(name, left.fields[i].typ, columns[i].typ, at)
		}
		return
	}
	if len(columns) == 1 {
		r.operator(name, left, columns[0].typ, at)
	}
}

// operator judges an operator with operands of these types.
func (r *resolver) operator(name []string, left, right typ, at int32) typ {
	schema, op, ok := r.split(name, "operator", at)
	if !ok {
		return typ{}
	}
	if isMatching(op) {
		r.matching(left, right, at)
	}
	t := r.chooseOperator(schema, op, left, right, at)
	t.made = r.limit(made(left, right), at)
	return t
}

// chooseOperator judges all that an operator could mean: PostgreSQL chooses among
// all operators of the name in the search path, and each user-defined one that it
// could choose must be allowed.
func (r *resolver) chooseOperator(schema, op string, left, right typ, at int32) typ {
	var results []typ
	fits := schema == "" && left.class == builtin && right.class == builtin &&
		left.oid == right.oid && slices.Contains(catalogOperators()[op], left.oid) // of those, pg_catalog's own comes first
	for _, o := range r.catalog.OperatorsNamed(op) {
		if fits || !r.visible(schema, o.Schema) || !r.couldChoose(o, left, right) {
			continue
		}
		if !r.policy.Operator(o) {
			r.refuse(BlockedOperator, at, operatorHint(op), "operator %s may be one that is user-defined and not allowed", op)
			return typ{}
		}
		r.convertTo(typeOf(o.Left), left, implicitly, at)
		r.convertTo(typeOf(o.Right), right, implicitly, at)
		results = append(results, r.operatorFunctionResult(o))
	}
	if isBuiltinOperator(op) && (schema == "" || schema == "pg_catalog") {
		r.convert(left, implicitly, at)
		r.convert(right, implicitly, at)
		if op == "||" { // with a text it casts the other operand to one
			r.convertTo(builtinType(textOID), left, explicitly, at)
			r.convertTo(builtinType(textOID), right, explicitly, at)
		}
		results = append(results, r.operatorResult(op, left, right))
	}
	if len(results) == 0 {
		r.refuse(BlockedOperator, at, "", "there is no operator %s that may be used", op)
		return typ{}
	}
	return r.commonOf(results)
}

func (r *resolver) operatorFunctionResult(o *catalog.Operator) typ {
	if f := r.catalog.FunctionByOID(o.Function); f != nil {
		return typeWithElement(f.ResultTypeOID, f.ResultElement)
	}
	return typ{}
}

func operatorHint(op string) string {
	if !isBuiltinOperator(op) {
		return ""
	}
	return "cast the operands, or write OPERATOR(pg_catalog." + op + ")"
}

// operatorResult is the type that an operator of pg_catalog returns.
func (r *resolver) operatorResult(op string, left, right typ) typ {
	switch op {
	case "=", "<>", "<", "<=", ">", ">=", "~~", "!~~", "~~*", "!~~*", "~", "!~", "~*", "!~*", "@>", "<@", "&&", "@@", "?", "?|", "?&":
		return boolean
	}
	left, right = r.withoutDomain(left), r.withoutDomain(right)
	plain := func(t typ) bool { return t.class == builtin || t.class == literal || t.class == absent }
	switch {
	case op == "||" && left.isArray() && right.isArray():
		return r.common(left, right)
	case op == "||" && left.isArray():
		return r.commonArray(left, []typ{right})
	case op == "||" && right.isArray():
		return r.commonArray(right, []typ{left})
	case left.class == builtin && left.oid == tsvectorOID && right.oid == tsvectorOID,
		left.class == builtin && left.oid == right.oid && category(left.oid) == 'R':
		return left
	case plain(left) && plain(right):
		return builtinType(arithmetic(op, left, right))
	}
	if op == "||" || op == "+" || op == "-" || op == "*" {
		return typ{} // arrays and ranges of users' types
	}
	return scalar
}

// arithmetic is the OID of the type that numbers make, 0 if that is not clear.
func arithmetic(op string, left, right typ) uint32 {
	if !slices.Contains([]string{"+", "-", "*", "/", "%"}, op) {
		return 0
	}
	// The type of a constant, and of no operand, is that of the other one.
	if left.class != builtin {
		left = right
	}
	if right.class != builtin {
		right = left
	}
	numbers := []uint32{int2OID, int4OID, int8OID, numericOID} // from narrow to wide
	l, r := slices.Index(numbers, left.oid), slices.Index(numbers, right.oid)
	if l < 0 || r < 0 {
		return 0
	}
	return numbers[max(l, r)]
}

// couldChoose reports whether PostgreSQL could choose o for operands of these types.
func (r *resolver) couldChoose(o *catalog.Operator, left, right typ) bool {
	if (o.Left == 0) != (left.class == absent) {
		return false
	}
	// A constant takes the type of the other operand if that makes a match, and
	// text if both are constants: no user's type is chosen for it then.
	switch {
	case left.class == literal && right.class == literal:
		return o.Left < catalog.FirstUserOID && o.Right < catalog.FirstUserOID || !comparesItself(o.Name, textOID)
	case left.class == literal && o.Left >= catalog.FirstUserOID && r.comparesItself(o.Name, right),
		right.class == literal && o.Right >= catalog.FirstUserOID && r.comparesItself(o.Name, left):
		return false
	}
	return (left.class == absent || r.couldBe(left, o.Left)) && r.couldBe(right, o.Right)
}

func (r *resolver) comparesItself(op string, t typ) bool {
	t = r.withoutDomain(t)
	return t.class == builtin && comparesItself(op, t.oid)
}

// withoutDomain is the type that a domain is over, or any other type itself.
func (r *resolver) withoutDomain(t typ) typ {
	for t.class == user {
		domain := r.catalog.Type(t.oid)
		if domain == nil || domain.Kind != "domain" {
			break
		}
		t = typeWithElement(domain.Base, domain.Element)
	}
	return t
}

// couldBe reports whether a value of type t could be passed where target is
// expected, without a cast being written.
func (r *resolver) couldBe(t typ, target uint32) bool {
	if isPolymorphic(target) {
		return true
	}
	want := r.withoutDomain(typeOf(target))
	if want.class == user || want.class == builtin {
		target = want.oid
	}
	switch t.class {
	case anything, literal:
		return true
	case builtin:
		if r.hasCast(t, target) {
			return true
		}
		return target < catalog.FirstUserOID && (t.oid == 0 || convertsItself(t.oid, target))
	case user:
		if t.oid == target || r.hasCast(t, target) || r.inherits(t.oid, target) {
			return true
		}
		base := r.withoutDomain(t)
		return (base.class != user || base.oid != t.oid) && r.couldBe(base, target)
	case array:
		if element := elementOID(target); element != 0 {
			return r.couldBe(*t.elem, element)
		}
		return r.isUnlisted(target) || target < catalog.FirstUserOID && category(target) == 0
	}
	return target == recordOID || r.catalog.Attributes(target) != nil // a record, which becomes any row
}

// isUnlisted reports whether an OID is that of a user-defined type which the
// catalog leaves out, as it does the arrays of user-defined types.
func (r *resolver) isUnlisted(oid uint32) bool {
	return oid >= catalog.FirstUserOID && r.catalog.RowOf(oid) == nil && r.catalog.Type(oid) == nil && r.catalog.Enum(oid) == nil
}

// hasCast reports whether a user-defined cast from t to target applies by itself.
func (r *resolver) hasCast(t typ, target uint32) bool {
	for _, c := range r.catalog.Casts {
		if c.Context == "implicit" && c.Target == target && (t.oid == 0 && c.Source < catalog.FirstUserOID || t.oid == c.Source) {
			return true
		}
	}
	return false
}

// inherits reports whether the rows of type child are rows of type parent too.
func (r *resolver) inherits(child, parent uint32) bool {
	rel := r.catalog.RowOf(child)
	if rel == nil {
		return false
	}
	for _, oid := range rel.Parents {
		if p := r.catalog.ByOID(oid); p != nil && (p.RowType == parent || r.inherits(p.RowType, parent)) {
			return true
		}
	}
	return false
}

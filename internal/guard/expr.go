package guard

import (
	"regexp"
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// expr reads an expression at the level q, judges every name in it, and returns
// its type. An absent expression is fine.
func (r *resolver) expr(q *query, n *pg_query.Node) typ {
	if r.refused() {
		return typ{}
	}
	r.node(1, -1)
	switch n := n.GetNode().(type) {
	case nil:
		return null
	case *pg_query.Node_AConst:
		return r.constant(n.AConst)
	case *pg_query.Node_ColumnRef:
		return r.columnRef(q, n.ColumnRef)
	case *pg_query.Node_AIndirection:
		return r.indirection(q, n.AIndirection.Arg, n.AIndirection.Indirection)
	case *pg_query.Node_TypeCast:
		arg := r.expr(q, n.TypeCast.Arg)
		t := r.typeName(n.TypeCast.TypeName)
		r.convertTo(t, arg, explicitly, n.TypeCast.Location)
		t.made = r.limit(max(t.made, arg.made), n.TypeCast.Location)
		return t
	case *pg_query.Node_CollateClause:
		r.collation(stringsOf(n.CollateClause.Collname), n.CollateClause.Location)
		return r.expr(q, n.CollateClause.Arg)
	case *pg_query.Node_AExpr:
		return r.operation(q, n.AExpr)
	case *pg_query.Node_BoolExpr:
		r.conditions(q, n.BoolExpr.Args)
		return boolean
	case *pg_query.Node_FuncCall:
		t := r.call(q, n.FuncCall)
		if r.reveals(t) {
			r.refuse(BlockedFunction, n.FuncCall.Location, "write it in FROM and name the columns", "the function returns rows of which some columns may not be read")
		}
		return t
	case *pg_query.Node_NamedArgExpr:
		return r.expr(q, n.NamedArgExpr.Arg)
	case *pg_query.Node_SqlvalueFunction:
		return r.valueFunction(n.SqlvalueFunction)
	case *pg_query.Node_SubLink:
		return r.subLink(q, n.SubLink)
	case *pg_query.Node_CaseExpr:
		return r.caseExpr(q, n.CaseExpr)
	case *pg_query.Node_CoalesceExpr:
		return r.commonOf(r.exprs(q, n.CoalesceExpr.Args))
	case *pg_query.Node_MinMaxExpr:
		return r.commonOf(r.exprs(q, n.MinMaxExpr.Args))
	case *pg_query.Node_RowExpr:
		return r.rowExpr(q, n.RowExpr)
	case *pg_query.Node_AArrayExpr:
		elements := r.exprs(q, n.AArrayExpr.Elements)
		t := arrayOf(r.commonOf(elements))
		t.made = made(elements...)
		return t
	case *pg_query.Node_NullTest:
		r.expr(q, n.NullTest.Arg)
		return boolean
	case *pg_query.Node_BooleanTest:
		r.condition(q, n.BooleanTest.Arg)
		return boolean
	case *pg_query.Node_GroupingFunc:
		r.exprs(q, n.GroupingFunc.Args)
		return builtinType(int4OID)
	case *pg_query.Node_XmlExpr:
		t := builtinType(xmlOID)
		t.made = made(r.xmlArguments(q, n.XmlExpr)...)
		return t
	case *pg_query.Node_XmlSerialize:
		if n.XmlSerialize.Indent && r.catalog.ServerVersion < firstJSONSyntax {
			r.refuse(NotSupported, n.XmlSerialize.Location, "leave INDENT out", "this server is older than INDENT")
		}
		arg := r.condition(q, n.XmlSerialize.Expr)
		t := r.typeName(n.XmlSerialize.TypeName)
		r.convertTo(t, builtinType(textOID), implicitly, n.XmlSerialize.Location)
		t.made = max(t.made, arg.made)
		return t
	case *pg_query.Node_List: // the right side of IN and BETWEEN
		return r.commonOf(r.exprs(q, n.List.Items))
	}
	if t, ok := r.jsonExpr(q, n.GetNode()); ok {
		return t
	}
	r.refuse(NotSupported, location(n), "", "this kind of expression is not understood")
	return typ{}
}

func (r *resolver) exprs(q *query, list []*pg_query.Node) []typ {
	types := make([]typ, len(list))
	for i, n := range list {
		types[i] = r.expr(q, n)
	}
	return types
}

// xmlEntities finds document types that define or fetch entities, by which a
// short XML text stands for a long one, or for a file.
var xmlEntities = regexp.MustCompile(`<!ENTITY|<!DOCTYPE[^>]*(\[|SYSTEM|PUBLIC)`)

func (r *resolver) constant(c *pg_query.A_Const) typ {
	r.constantFact(c)
	switch v := c.Val.(type) {
	case *pg_query.A_Const_Sval:
		if xmlEntities.MatchString(v.Sval.Sval) {
			r.refuse(NotSupported, c.Location, "leave the document type out", "XML entities are not supported")
		}
		return typ{class: literal, made: float64(len(v.Sval.Sval))}
	case *pg_query.A_Const_Ival:
		return builtinType(int4OID)
	case *pg_query.A_Const_Fval:
		return builtinType(numericOID)
	case *pg_query.A_Const_Boolval:
		return boolean
	case *pg_query.A_Const_Bsval:
		return builtinType(bitOID)
	}
	return null // a string or NULL
}

// columnRef reads a, t.a, s.t.a or db.s.t.a; where a row is meant, t and t.* too.
func (r *resolver) columnRef(q *query, ref *pg_query.ColumnRef) typ {
	last := ref.Fields[len(ref.Fields)-1]
	if last.GetAStar() != nil {
		if len(ref.Fields) == 1 {
			r.refuse(Syntax, ref.Location, "", "* is not allowed here")
			return typ{}
		}
		it := r.qualifiedItem(q, ref.Fields[:len(ref.Fields)-1], ref.Location)
		return r.wholeRow(it, ref.Location)
	}
	name := last.GetString_().GetSval()
	if len(ref.Fields) == 1 {
		return r.bareColumn(q, name, ref.Location)
	}
	it := r.qualifiedItem(q, ref.Fields[:len(ref.Fields)-1], ref.Location)
	if it == nil {
		return typ{}
	}
	return r.itemColumn(it, name, ref.Location)
}

// itemColumn reads a column of an item.
func (r *resolver) itemColumn(it *item, name string, at int32) typ {
	c, how := it.column(name)
	switch {
	case how == found && c == nil:
		return r.systemColumn(it, name, at)
	case how == found:
		if c.derived {
			r.notation(name, at)
		}
		r.mention(c, at)
		return c.typ
	case how == ambiguous:
		r.refuse(AmbiguousColumn, at, "give the columns different aliases", "%s has more than one column %s", it.name, name)
	case how == unclear:
		r.refuse(NotSupported, at, "name the columns in the alias: AS t(a, b)", "the columns of %s cannot be told", it.name)
	default:
		r.refuse(UnknownColumn, at, r.nearestColumn([]*item{it}, name), "%s has no column %s", it.name, name)
	}
	return typ{}
}

func (r *resolver) bareColumn(q *query, name string, at int32) typ {
	it, c, how := q.column(name, false)
	switch how {
	case found:
		if c == nil {
			return r.systemColumn(it, name, at)
		}
		if c.derived {
			r.derived(q, it, name, at)
		}
		r.mention(c, at)
		return c.typ
	case ambiguous:
		r.refuse(AmbiguousColumn, at, "write TABLE."+catalog.Quote(name), "more than one table here has a column %s", name)
		return typ{}
	case outOfReach:
		r.refuse(UnknownColumn, at, "", "column %s cannot be referred to from this part of the statement", name)
		return typ{}
	case unclear:
		r.refuse(NotSupported, at, "name the columns of functions in their alias: AS t(a, b)", "it cannot be told which column %s is", name)
		return typ{}
	}
	if it, how := q.item(nil, name); how == found {
		if it.derived {
			r.derived(q, it, name, at)
		}
		return r.wholeRow(it, at)
	}
	r.refuse(UnknownColumn, at, r.nearestColumn(visible(q), name), "there is no column %s here", name)
	return typ{}
}

// qualifiedItem finds the item that a qualification names.
func (r *resolver) qualifiedItem(q *query, fields []*pg_query.Node, at int32) *item {
	names := stringsOf(fields)
	name := names[len(names)-1]
	var it *item
	var how lookup
	switch len(names) {
	case 1:
		it, how = q.item(nil, name)
	case 2, 3:
		database, schema := "", names[len(names)-2]
		if len(names) == 3 {
			database = names[0]
		}
		rel := r.catalogRelation(database, schema, name)
		if rel == nil {
			if !r.schema(database, schema, at) {
				return nil
			}
			rel = r.catalog.Resolve(schema, name, nil)
		}
		if rel != nil {
			it, how = q.item(rel, name)
		}
	default:
		r.refuse(Syntax, at, "", "the name has too many parts")
		return nil
	}
	switch how {
	case found:
		if it.derived {
			r.derived(q, it, name, at)
		}
		return it
	case ambiguous:
		r.refuse(AmbiguousColumn, at, "give each its own alias", "more than one item of FROM is called %s", name)
	case outOfReach:
		r.refuse(UnknownTable, at, "", "%s cannot be referred to from this part of the statement", name)
	default:
		r.refuse(UnknownTable, at, nearestItem(q, name), "nothing in FROM is called %s here", name)
	}
	return nil
}

// wholeRow reads an item as a value, which reads every column.
func (r *resolver) wholeRow(it *item, at int32) typ {
	switch {
	case it == nil:
		return typ{}
	case it.scalar != nil:
		return *it.scalar
	case it.opaque:
		r.refuse(NotSupported, at, "name the columns", "the columns of the row %s cannot be told", it.name)
		return typ{}
	}
	if it.all == nil {
		before := r.nodes
		r.mentionAll(it.columns, at, "the row "+it.name)
		it.all = &whole{nodes: r.nodes - before, fields: computed(it.columns)}
	} else {
		r.node(it.all.nodes, at)
	}
	if it.table != nil {
		return typ{class: user, oid: it.table.RowType}
	}
	return typ{class: record, fields: it.all.fields}
}

// systemColumn reads ctid and the like; like PostgreSQL's own privileges it
// wants the whole table to be readable.
func (r *resolver) systemColumn(it *item, name string, at int32) typ {
	for i := range it.columns {
		if !r.readable(&it.columns[i]) {
			r.refuse(BlockedColumn, at, r.allowedColumns(it.table), "system column %s may not be read of %s, which has columns that may not be read", name, it.table)
			break
		}
	}
	return scalar
}

// rowOf is the item of FROM that an expression stands for as a row, or nil. What
// follows a dot then is a name that the item gives its columns, which need not be
// one of its type's attributes. Like PostgreSQL's own privileges it wants the whole
// row to be readable, whichever column of it is meant.
func (r *resolver) rowOf(q *query, n *pg_query.Node) *item {
	ref := n.GetColumnRef()
	if ref == nil {
		return nil
	}
	var it *item
	if qualification := ref.Fields[:len(ref.Fields)-1]; len(qualification) > 0 {
		if ref.Fields[len(ref.Fields)-1].GetAStar() == nil {
			return nil
		}
		it = r.qualifiedItem(q, qualification, ref.Location)
	} else if name, bare := bareName(n); bare {
		if _, _, how := q.column(name, false); how != notFound {
			return nil
		}
		it, _ = q.item(nil, name)
		if it != nil && it.derived {
			r.derived(q, it, name, ref.Location)
		}
	}
	if it == nil || it.scalar != nil {
		return nil
	}
	if !r.mayReadAll(it) {
		r.mentionAll(it.columns, ref.Location, "the row "+it.name)
	}
	return it
}

// indirection reads subscripts and attributes behind an expression. An attribute
// must be one: PostgreSQL would also call a function of that name.
func (r *resolver) indirection(q *query, arg *pg_query.Node, list []*pg_query.Node) typ {
	var t typ
	if it := r.rowOf(q, arg); it != nil && len(list) > 0 && list[0].GetString_() != nil {
		name := list[0].GetString_().Sval
		if _, how := it.column(name); how == notFound {
			r.refuse(UnknownColumn, location(arg), "call a function as f(x)", "the row has no attribute %s", name)
		}
		t, list = r.itemColumn(it, name, location(arg)), list[1:]
	} else {
		t = r.expr(q, arg)
	}
	whole := t.made
	for len(list) > 0 {
		switch n := list[0].GetNode().(type) {
		case *pg_query.Node_AIndices:
			t, list = r.subscripts(q, t, list)
		case *pg_query.Node_String_:
			t, list = r.attribute(t, n.String_.Sval, location(arg)), list[1:]
		default:
			r.refuse(NotSupported, location(arg), "", ".* is not allowed here")
			return typ{}
		}
		t.made = max(t.made, whole)
	}
	return t
}

// subscripts reads the subscripts that list begins with. Together they mean one
// element, however many dimensions there are, or a slice if one of them is.
func (r *resolver) subscripts(q *query, t typ, list []*pg_query.Node) (typ, []*pg_query.Node) {
	slice := false
	for len(list) > 0 && list[0].GetAIndices() != nil {
		n := list[0].GetAIndices()
		r.condition(q, n.Lidx)
		r.condition(q, n.Uidx)
		slice = slice || n.IsSlice
		list = list[1:]
	}
	if slice {
		return t, list
	}
	return t.element(), list
}

func (r *resolver) attribute(t typ, name string, at int32) typ {
	fields, known := r.attributes(t)
	if !known {
		r.refuse(NotSupported, at, "call a function as f(x)", "(…).%s is not an attribute of a row whose type is known", name)
		return typ{}
	}
	i := slices.IndexFunc(fields, func(c column) bool { return c.name == name })
	if i < 0 {
		r.refuse(UnknownColumn, at, "call a function as f(x)", "the row has no attribute %s", name)
		return typ{}
	}
	if fields[i].derived {
		r.notation(name, at)
	}
	r.mention(&fields[i], at)
	return fields[i].typ
}

// notation judges an attribute whose name is derived: should the row not have
// it, PostgreSQL would call a function of that name.
func (r *resolver) notation(name string, at int32) {
	refused := r.routine(name) != nil && !r.policy.Builtin(name)
	for _, f := range r.catalog.FunctionsNamed(name) {
		refused = refused || r.visible("", f.Schema) && !r.policy.Function(f)
	}
	if refused {
		r.refuse(NotSupported, at, "give the column an alias", "%s is a name that PostgreSQL makes up, and could be taken for the call of a function", name)
	}
}

func (r *resolver) subLink(q *query, n *pg_query.SubLink) typ {
	test := r.expr(q, n.Testexpr)
	columns := r.subquery(q, n.Subselect)
	switch n.SubLinkType {
	case pg_query.SubLinkType_EXISTS_SUBLINK:
		return boolean
	case pg_query.SubLinkType_ALL_SUBLINK, pg_query.SubLinkType_ANY_SUBLINK:
		operator := stringsOf(n.OperName)
		if len(operator) == 0 {
			operator = []string{"="} // IN
		}
		r.compareRow(operator, n.Testexpr, test, columns, n.Location)
		return boolean
	case pg_query.SubLinkType_EXPR_SUBLINK:
		if len(columns) > 0 {
			r.scalarNames[n] = columns[0].name
		}
		if len(columns) == 1 {
			return columns[0].typ
		}
	case pg_query.SubLinkType_ARRAY_SUBLINK:
		if len(columns) == 1 {
			return arrayOf(columns[0].typ)
		}
	default:
		r.refuse(NotSupported, n.Location, "", "this kind of subquery is not understood")
	}
	return typ{}
}

func (r *resolver) caseExpr(q *query, n *pg_query.CaseExpr) typ {
	r.facts.Filtered = true
	subject := r.expr(q, n.Arg)
	if n.Arg != nil {
		r.caseOperand = true
		r.judgeJSONCase(n.Location)
	}
	result := r.expr(q, n.Defresult)
	for _, w := range n.Args {
		w := w.GetCaseWhen()
		if n.Arg != nil {
			r.operator([]string{"="}, subject, r.expr(q, w.GetExpr()), w.GetLocation())
		} else {
			r.condition(q, w.GetExpr())
		}
		result = r.common(result, r.expr(q, w.GetResult()))
	}
	return result
}

func (r *resolver) rowExpr(q *query, n *pg_query.RowExpr) typ {
	types := r.list(q, n.Args)
	fields := make([]column, len(types))
	for i, t := range types {
		fields[i] = column{name: numbered("f", i), typ: t}
	}
	return typ{class: record, fields: fields, made: made(types...)}
}

// xmlArguments reads what XML is made of. An element takes what it is given as it
// is; all else is converted to XML, a text or a number.
func (r *resolver) xmlArguments(q *query, n *pg_query.XmlExpr) []typ {
	var types []typ
	for _, arg := range n.NamedArgs {
		types = append(types, r.expr(q, arg.GetResTarget().GetVal()))
	}
	for _, arg := range n.Args {
		if n.Op == pg_query.XmlExprOp_IS_XMLELEMENT {
			types = append(types, r.expr(q, arg))
		} else {
			types = append(types, r.condition(q, arg))
		}
	}
	return types
}

// valueFunction reads CURRENT_DATE and the like, functions without brackets.
func (r *resolver) valueFunction(n *pg_query.SQLValueFunction) typ {
	name := valueFunctionName(n.Op)
	switch name {
	case "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp":
		r.facts.Clock = true
		return scalar
	case "current_catalog":
		name = "current_database"
	case "current_role", "user":
		name = "current_user"
	}
	r.builtinFunction(name, n.Location)
	return scalar
}

// collation judges COLLATE: collations run no code, but their schema must be readable.
func (r *resolver) collation(names []string, at int32) {
	r.split(names, "collation", at)
}

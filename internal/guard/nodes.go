package guard

// admitted lists every node type that a statement may be made of, with each of
// its fields: one written with "!" must be empty. Every other node type of the
// parser is in one of the lists below, so that a newer parser cannot bring in
// anything that nobody decided on.
var admitted = map[string]string{
	"ParseResult":               "version stmts",
	"RawStmt":                   "stmt stmt_location stmt_len",
	"SelectStmt":                "distinct_clause target_list from_clause where_clause group_clause group_distinct having_clause window_clause values_lists sort_clause limit_offset limit_count limit_option with_clause op all larg rarg !into_clause !locking_clause",
	"ExplainStmt":               "query options",
	"DefElem":                   "defname arg defaction location !defnamespace",
	"WithClause":                "ctes recursive location",
	"CommonTableExpr":           "ctename aliascolnames ctematerialized ctequery search_clause cycle_clause location !cterecursive !cterefcount !ctecolnames !ctecoltypes !ctecoltypmods !ctecolcollations",
	"CTESearchClause":           "search_col_list search_breadth_first search_seq_column location",
	"CTECycleClause":            "cycle_col_list cycle_mark_column cycle_mark_value cycle_mark_default cycle_path_column location !cycle_mark_type !cycle_mark_typmod !cycle_mark_collation !cycle_mark_neop",
	"ResTarget":                 "name val location !indirection",
	"RangeVar":                  "catalogname schemaname relname inh relpersistence alias location",
	"RangeSubselect":            "lateral subquery alias",
	"RangeFunction":             "lateral ordinality is_rowsfrom functions alias coldeflist",
	"RangeTableFunc":            "lateral docexpr rowexpr namespaces columns alias location",
	"RangeTableFuncCol":         "colname type_name for_ordinality is_not_null colexpr coldefexpr location",
	"RangeTableSample":          "relation method args repeatable location",
	"JoinExpr":                  "jointype is_natural larg rarg using_clause join_using_alias quals alias !rtindex",
	"Alias":                     "aliasname colnames",
	"ColumnDef":                 "colname type_name is_local coll_clause location !compression !inhcount !is_not_null !is_from_type !storage !storage_name !raw_default !cooked_default !identity !identity_sequence !generated !coll_oid !constraints !fdwoptions",
	"ColumnRef":                 "fields location",
	"A_Star":                    "",
	"A_Const":                   "ival fval boolval sval bsval isnull location",
	"Integer":                   "ival",
	"Float":                     "fval",
	"Boolean":                   "boolval",
	"String":                    "sval",
	"BitString":                 "bsval",
	"List":                      "items",
	"A_Expr":                    "kind name lexpr rexpr location",
	"BoolExpr":                  "boolop args location !xpr",
	"A_Indirection":             "arg indirection",
	"A_Indices":                 "is_slice lidx uidx",
	"A_ArrayExpr":               "elements location",
	"RowExpr":                   "args row_format location !xpr !row_typeid !colnames",
	"TypeCast":                  "arg type_name location",
	"TypeName":                  "names typmods typemod array_bounds location !type_oid !setof !pct_type",
	"CollateClause":             "arg collname location",
	"CaseExpr":                  "arg args defresult location !xpr !casetype !casecollid",
	"CaseWhen":                  "expr result location !xpr",
	"CoalesceExpr":              "args location !xpr !coalescetype !coalescecollid",
	"MinMaxExpr":                "op args location !xpr !minmaxtype !minmaxcollid !inputcollid",
	"NullTest":                  "arg nulltesttype location !xpr !argisrow",
	"BooleanTest":               "arg booltesttype location !xpr",
	"SubLink":                   "sub_link_type testexpr oper_name subselect location !xpr !sub_link_id",
	"FuncCall":                  "funcname args agg_order agg_filter over agg_within_group agg_star agg_distinct func_variadic funcformat location",
	"NamedArgExpr":              "arg name argnumber location !xpr",
	"SQLValueFunction":          "op typmod location !xpr !type",
	"GroupingFunc":              "args location !xpr !refs !agglevelsup",
	"GroupingSet":               "kind content location",
	"SortBy":                    "node sortby_dir sortby_nulls use_op location",
	"WindowDef":                 "name refname partition_clause order_clause frame_options start_offset end_offset location",
	"XmlExpr":                   "op name named_args args xmloption location !xpr !arg_names !type !typmod !indent",
	"XmlSerialize":              "xmloption expr type_name indent location",
	"JsonFormat":                "format_type encoding location",
	"JsonReturning":             "format !typid !typmod",
	"JsonOutput":                "type_name returning",
	"JsonValueExpr":             "raw_expr format !formatted_expr",
	"JsonKeyValue":              "key value",
	"JsonObjectConstructor":     "exprs output absent_on_null unique location",
	"JsonArrayConstructor":      "exprs output absent_on_null location",
	"JsonArrayQueryConstructor": "query output format absent_on_null location",
	"JsonAggConstructor":        "output agg_filter agg_order over location",
	"JsonObjectAgg":             "constructor arg absent_on_null unique",
	"JsonArrayAgg":              "constructor arg absent_on_null",
	"JsonIsPredicate":           "expr format item_type unique_keys location",
}

// writing are the node types of statements that do more than read, and of the
// clauses by which a SELECT does.
const writing = `
InsertStmt DeleteStmt UpdateStmt MergeStmt CreateSchemaStmt AlterTableStmt ReplicaIdentityStmt
AlterCollationStmt AlterDomainStmt GrantStmt GrantRoleStmt AlterDefaultPrivilegesStmt CopyStmt VariableSetStmt
VariableShowStmt CreateStmt CreateTableSpaceStmt DropTableSpaceStmt AlterTableSpaceOptionsStmt
AlterTableMoveAllStmt CreateExtensionStmt AlterExtensionStmt AlterExtensionContentsStmt CreateFdwStmt
AlterFdwStmt CreateForeignServerStmt AlterForeignServerStmt CreateForeignTableStmt CreateUserMappingStmt
AlterUserMappingStmt DropUserMappingStmt ImportForeignSchemaStmt CreatePolicyStmt AlterPolicyStmt CreateAmStmt
CreateTrigStmt CreateEventTrigStmt AlterEventTrigStmt CreatePLangStmt CreateRoleStmt AlterRoleStmt
AlterRoleSetStmt DropRoleStmt CreateSeqStmt AlterSeqStmt DefineStmt CreateDomainStmt CreateOpClassStmt
CreateOpFamilyStmt AlterOpFamilyStmt DropStmt TruncateStmt CommentStmt SecLabelStmt DeclareCursorStmt
ClosePortalStmt FetchStmt IndexStmt CreateStatsStmt AlterStatsStmt CreateFunctionStmt AlterFunctionStmt DoStmt
CallStmt RenameStmt AlterObjectDependsStmt AlterObjectSchemaStmt AlterOwnerStmt AlterOperatorStmt
AlterTypeStmt RuleStmt NotifyStmt ListenStmt UnlistenStmt TransactionStmt CompositeTypeStmt CreateEnumStmt
CreateRangeStmt AlterEnumStmt ViewStmt LoadStmt CreatedbStmt AlterDatabaseStmt AlterDatabaseRefreshCollStmt
AlterDatabaseSetStmt DropdbStmt AlterSystemStmt ClusterStmt VacuumStmt CreateTableAsStmt RefreshMatViewStmt
CheckPointStmt DiscardStmt LockStmt ConstraintsSetStmt ReindexStmt CreateConversionStmt CreateCastStmt
CreateTransformStmt PrepareStmt ExecuteStmt DeallocateStmt DropOwnedStmt ReassignOwnedStmt
AlterTSDictionaryStmt AlterTSConfigurationStmt CreatePublicationStmt AlterPublicationStmt
CreateSubscriptionStmt AlterSubscriptionStmt DropSubscriptionStmt LockingClause IntoClause
`

// partsOfOthers are node types of which such statements are made, or whose
// meaning the guard does not know.
const partsOfOthers = `
SetToDefault CurrentOfExpr ParamRef RoleSpec MultiAssignRef TableLikeClause IndexElem PartitionElem
PartitionSpec PartitionBoundSpec PartitionRangeDatum PartitionCmd InferClause OnConflictClause MergeWhenClause
TriggerTransition ReturnStmt PLAssignStmt AlterTableCmd ObjectWithArgs AccessPriv Constraint CreateOpClassItem
StatsElem FunctionParameter VacuumRelation PublicationTable PublicationObjSpec
`

// analyzed are node types that PostgreSQL makes after parsing.
const analyzed = `
TableFunc Var Param Aggref WindowFunc SubscriptingRef FuncExpr OpExpr DistinctExpr NullIfExpr
ScalarArrayOpExpr SubPlan AlternativeSubPlan FieldSelect FieldStore RelabelType CoerceViaIO ArrayCoerceExpr
ConvertRowtypeExpr CollateExpr CaseTestExpr ArrayExpr RowCompareExpr JsonConstructorExpr CoerceToDomain
CoerceToDomainValue NextValueExpr InferenceElem TargetEntry RangeTblRef FromExpr OnConflictExpr Query
RangeTblEntry RTEPermissionInfo RangeTblFunction TableSampleClause WithCheckOption SortGroupClause
WindowClause RowMarkClause MergeAction SetOperationStmt OidList IntList ScanResult ScanToken InlineCodeBlock
CallContext
`

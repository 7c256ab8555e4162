-- Who was granted what in this database, by whom, defaults of later objects
-- among it. This view is gone at the end.
create temporary view pgmcp_privileges as
with granted (before, object, columns, owner, acl, builtin) as (
	select '', format('database %I', datname), '', datdba, coalesce(datacl, acldefault('d', datdba)), false
	from pg_database where datname = current_database()
	union all
	select '', format('schema %I', nspname), '', nspowner, coalesce(nspacl, acldefault('n', nspowner)), oid < 16384 and nspname <> 'public'
	from pg_namespace
	union all
	select '', format('%s %I.%I', case relkind when 'S' then 'sequence' else 'table' end, nspname, relname), '',
		relowner, coalesce(relacl, acldefault(case relkind when 'S' then 's'::"char" else 'r' end, relowner)), c.oid < 16384
	from pg_class c join pg_namespace n on n.oid = relnamespace
	where relkind in ('r', 'p', 'v', 'm', 'f', 'S') and relpersistence <> 't'
	union all
	select '', format('table %I.%I', nspname, relname), format(' (%I)', attname), relowner, attacl, c.oid < 16384
	from pg_attribute a join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
	where attacl is not null and not attisdropped and relpersistence <> 't'
	union all
	select '', format('routine %s', oid::regprocedure), '', proowner, coalesce(proacl, acldefault('f', proowner)), oid < 16384
	from pg_proc
	union all
	select '', format('large object %s', oid), '', lomowner, coalesce(lomacl, acldefault('L', lomowner)), false
	from pg_largeobject_metadata
	union all
	select '', format('type %I.%I', nspname, typname), '', typowner, typacl, true
	from pg_type t join pg_namespace n on n.oid = typnamespace where typacl is not null
	union all
	select '', format('language %I', lanname), '', lanowner, lanacl, true
	from pg_language where lanacl is not null
	union all
	select '', format('foreign data wrapper %I', fdwname), '', fdwowner, fdwacl, false
	from pg_foreign_data_wrapper
	union all
	select '', format('foreign server %I', srvname), '', srvowner, srvacl, false
	from pg_foreign_server
	union all
	select format('alter default privileges for role %s%s ', defaclrole::regrole, ' in schema ' || defaclnamespace::regnamespace),
		case defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'routines' when 'n' then 'schemas' when 'T' then 'types' else 'large objects' end,
		'', defaclrole, defaclacl, defaclobjtype = 'T'
	from (select nullif(defaclnamespace, 0) as defaclnamespace, defaclrole, defaclobjtype, defaclacl from pg_default_acl) d
	union all
	-- Everybody may call a new function, unless its owner's defaults say otherwise.
	select format('alter default privileges for role %I ', rolname), 'routines', '', o.oid, acldefault('f', o.oid), false
	from pg_roles o
	where rolname !~ '^pg_'
		and not exists (select from pg_default_acl where defaclrole = o.oid and defaclnamespace = 0 and defaclobjtype = 'f')
		and (rolname = current_user
			or exists (select from pg_database where datdba = o.oid and datname = current_database())
			or exists (select from pg_namespace where nspowner = o.oid and oid >= 16384)
			or exists (select from pg_class where relowner = o.oid and oid >= 16384)
			or exists (select from pg_proc where proowner = o.oid and oid >= 16384))
)
select before, object, columns, owner::regrole as owner, pg_has_role(owner, 'usage') as yours, builtin, grantor::regrole as grantor, grantee, lower(privilege_type) as privilege
from granted, aclexplode(acl);

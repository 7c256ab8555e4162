-- The role. It has no password until somebody gives it one: \password in psql.
do $$
declare
	reader pg_catalog.pg_roles;
	membership record;
begin
	if current_database() <> current_setting('pgmcp.database') then
		raise exception 'this is database %, and the grants are for %', current_database(), current_setting('pgmcp.database');
	end if;
	if not exists (select from pg_roles where rolname = current_setting('pgmcp.role')) then
		execute format('create role %I', current_setting('pgmcp.role'));
	end if;
	select * into reader from pg_roles where rolname = current_setting('pgmcp.role');

	-- What cannot be taken from a role, or would be missed by somebody else.
	if reader.rolsuper then
		raise exception 'role % is a superuser', reader.rolname using hint = 'name another role with --role';
	elsif reader.rolname in (current_user, session_user) then
		raise exception 'role % is your own', reader.rolname using hint = 'run this as another role, or name another role with --role';
	elsif exists (
		select from pg_shdepend d
		where d.refclassid = 'pg_authid'::regclass and d.refobjid = reader.oid and d.deptype = 'o'
			and d.classid not in ('pg_user_mapping'::regclass, 'pg_default_acl'::regclass)
			and (d.dbid = (select oid from pg_database where datname = current_database())
				or d.classid = 'pg_database'::regclass and d.objid = (select oid from pg_database where datname = current_database()))
	) then
		raise exception 'role % owns something in database %, and an owner can do anything with it', reader.rolname, current_database()
			using hint = 'name another role with --role, or give away what it owns: REASSIGN OWNED';
	end if;

	execute format('alter role %I login noinherit connection limit %s', reader.rolname, current_setting('pgmcp.connections'));
	if reader.rolcreatedb then execute format('alter role %I nocreatedb', reader.rolname); end if;
	if reader.rolcreaterole then execute format('alter role %I nocreaterole', reader.rolname); end if;
	if reader.rolreplication then execute format('alter role %I noreplication', reader.rolname); end if;
	if reader.rolbypassrls then execute format('alter role %I nobypassrls', reader.rolname); end if;

	-- It is a member of nothing, or what a group may do it could do too.
	for membership in
		select roleid::regrole as role, grantor from pg_auth_members where member = reader.oid order by 1, 2
	loop
		execute format('revoke %s from %I', membership.role, reader.rolname)
			|| case when current_setting('server_version_num')::int >= 160000 then format(' granted by %s', membership.grantor::regrole) else '' end
			|| ' cascade';
	end loop;
end
$$;

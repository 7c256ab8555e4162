do $$
declare
	reader oid := (select oid from pg_roles where rolname = current_setting('pgmcp.role'));
	others text := (
		select string_agg(quote_ident(rolname), ', ' order by rolname) from pg_roles r
		where not rolsuper and r.oid <> reader and exists (
			select from pg_shdepend d, pg_database here
			where here.datname = current_database() and d.refclassid = 'pg_authid'::regclass and d.refobjid = r.oid and d.deptype in ('o', 'a')
				and (d.dbid = here.oid or d.classid = 'pg_database'::regclass and d.objid = here.oid)
		)
	);
	had record;
	kept int := 0;
begin
	for had in
		select * from pg_temp.pgmcp_privileges everybody
		where grantee = 0 and not builtin and not exists (
			select from pg_temp.pgmcp_privileges mine
			where mine.grantee = reader and mine.before = everybody.before and mine.object = everybody.object
				and mine.columns in ('', everybody.columns) and mine.privilege = everybody.privilege
		)
		order by before, object, columns, privilege, grantor
	loop
		if not had.yours then
			kept := kept + 1;
			continue;
		end if;
		if had.grantor <> had.owner then execute format('set local role %s', had.grantor); end if;
		execute format('%srevoke %s%s on %s from public', had.before, had.privilege, had.columns, had.object);
		if had.grantor <> had.owner then set local role none; end if;
		if others is not null then
			execute format('%sgrant %s%s on %s to %s', had.before, had.privilege, had.columns, had.object, others);
		end if;
	end loop;
	if kept > 0 then
		raise warning '% privileges of PUBLIC are not yours to take away, so the role has them too', kept using hint = 'run this as a superuser';
	end if;
end
$$;

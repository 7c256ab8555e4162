-- What the role had so far.
do $$
declare
	reader oid := (select oid from pg_roles where rolname = current_setting('pgmcp.role'));
	had record;
begin
	for had in
		select distinct before, object, owner, grantor from pg_temp.pgmcp_privileges
		where grantee = reader
		order by before, object, grantor
	loop
		-- Only who granted it can take it back: the owner, or who had it with grant option.
		if had.grantor <> had.owner then execute format('set local role %s', had.grantor); end if;
		execute format('%srevoke all on %s from %I cascade', had.before, had.object, current_setting('pgmcp.role'));
		if had.grantor <> had.owner then set local role none; end if;
	end loop;
end
$$;

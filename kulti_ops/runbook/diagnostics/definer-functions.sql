-- title: the API can't call functions that run as somebody stronger
-- group: access
-- when: After a migration; when users can do what no policy allows.
-- param: exposed_schemas = public
-- verdict: count
-- warn: 1
-- key: function_name
-- noun: functions
-- evidence: SELECT count(*) AS examined FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
--   WHERE n.nspname = ANY (string_to_array(
--   coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
-- finding: {roles} may execute {function_name}, which runs as {owner}
-- explanation: SECURITY DEFINER functions of the exposed schemas that anon or authenticated may execute:
--   each is an endpoint of the API with its owner's rights, and must check its caller itself.
--   add_credits for everybody means credits for everybody. Trigger functions can't be called.
-- next: psql "$DATABASE_URL" -c 'REVOKE EXECUTE ON FUNCTION {function_name} FROM PUBLIC, anon, authenticated'
SELECT quote_ident(n.nspname) || '.' || quote_ident(p.proname)
         || '(' || oidvectortypes(p.proargtypes) || ')' AS function_name,
       pg_get_userbyid(p.proowner)::text AS owner, string_agg(r.rolname::text, ', ' ORDER BY r.rolname) AS roles
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_roles r ON r.rolname IN ('anon', 'authenticated')
       AND has_schema_privilege(r.oid, n.oid, 'USAGE') AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
 WHERE p.prosecdef AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
   AND n.nspname = ANY (string_to_array(
         coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
 GROUP BY n.nspname, p.proname, p.proargtypes, p.proowner
 ORDER BY function_name

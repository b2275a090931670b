-- title: functions with other rights pin their search path
-- group: access
-- when: After a migration; before giving anybody the right to create objects.
-- param: exposed_schemas = public
-- verdict: count
-- warn: 1
-- key: function_name
-- noun: SECURITY DEFINER functions
-- evidence: SELECT count(*) AS examined FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
--   WHERE p.prosecdef AND n.nspname = ANY (string_to_array(
--   coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
-- finding: {function_name} runs as {owner} with its caller's search path
-- explanation: Whoever can create an object in a schema of the caller's search path can have a
--   SECURITY DEFINER function without one of its own call it, with the owner's rights.
-- next: kulti-ops runbook explain search-path-functions
SELECT quote_ident(n.nspname) || '.' || quote_ident(p.proname)
         || '(' || oidvectortypes(p.proargtypes) || ')' AS function_name,
       pg_get_userbyid(p.proowner)::text AS owner
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE p.prosecdef
   AND NOT EXISTS (SELECT 1 FROM unnest(p.proconfig) AS c (setting) WHERE c.setting LIKE 'search\_path=%')
   AND n.nspname = ANY (string_to_array(
         coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
 ORDER BY function_name

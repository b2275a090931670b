-- title: every table with row security has a policy
-- group: access
-- when: Rows have vanished for users although they are there, or writes change nothing and say so to nobody.
-- param: exposed_schemas = public
-- verdict: count
-- warn: 1
-- key: table_name
-- noun: tables with row security
-- evidence: SELECT count(*) AS examined FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
--   WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND n.nspname = ANY (string_to_array(
--   coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
-- finding: {table_name} has row security and no policy: nobody of the API sees a row
-- explanation: Safe, but rarely meant: a restore that lost its policies looks like this. Roles with
--   BYPASSRLS (service_role, postgres) still see everything.
-- next: kulti-ops runbook explain rls-no-policy
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS table_name,
       greatest(c.reltuples, 0)::bigint AS rows_estimate
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity
   AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid)
   AND n.nspname = ANY (string_to_array(
         coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
 ORDER BY table_name

-- title: views obey the row security of who asks
-- group: access
-- when: After a migration, and when row security seems to be on everywhere and data still gets out.
-- param: exposed_schemas = public
-- verdict: count
-- warn: 1
-- key: view_name
-- noun: views
-- evidence: SELECT count(*) AS examined FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
--   WHERE c.relkind = 'v' AND n.nspname = ANY (string_to_array(
--   coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
-- finding: view {view_name} shows {roles} what its owner {owner} may see
-- explanation: A view without security_invoker reads with its owner's rights: row security of the
--   tables under it does not hold. Views of the exposed schemas that anon or authenticated may read.
-- next: psql "$DATABASE_URL" -c 'ALTER VIEW {view_name} SET (security_invoker = true)'
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS view_name,
       pg_get_userbyid(c.relowner)::text AS owner, string_agg(r.rolname::text, ', ' ORDER BY r.rolname) AS roles
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_roles r ON r.rolname IN ('anon', 'authenticated')
       AND has_schema_privilege(r.oid, n.oid, 'USAGE')
       AND (has_table_privilege(r.oid, c.oid, 'SELECT') OR has_any_column_privilege(r.oid, c.oid, 'SELECT'))
 WHERE c.relkind = 'v'
   AND NOT EXISTS (SELECT 1 FROM pg_options_to_table(c.reloptions) o
                    WHERE o.option_name = 'security_invoker' AND o.option_value::bool)
   AND n.nspname = ANY (string_to_array(
         coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
 GROUP BY n.nspname, c.relname, c.relowner
 ORDER BY view_name

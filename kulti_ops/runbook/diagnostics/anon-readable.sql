-- title: nobody reads what is private without signing in
-- group: access
-- when: After a migration or a restore; when data is found where it should not be.
-- param: exposed_schemas = public
-- param: private_columns = token|secret|password|api_key|stream_key|email|phone|tweet_id
-- verdict: count
-- warn: 1
-- key: door
-- noun: tables and views
-- evidence: SELECT count(*) AS examined FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
--   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname = ANY (string_to_array(
--   coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
-- finding: anon may read {object_name} ({how}){columns}
-- explanation: What role anon may read in full: tables without row security, foreign tables, views and
--   materialized views that run with their owner's rights, and columns whose names look private
--   (private_columns, a regular expression) of tables with a policy for anon or everybody whose
--   condition does not ask who is signed in. That is about reading; `anon-writable` is about
--   writing.
-- next: psql "$DATABASE_URL" -c '\d+ {object_name}'
WITH exposed AS (
    SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS object_name, c.relkind, c.relrowsecurity,
           r.oid AS anon, has_table_privilege(r.oid, c.oid, 'SELECT') AS whole,
           coalesce((SELECT bool_or(o.option_value::bool) FROM pg_options_to_table(c.reloptions) o
                      WHERE o.option_name = 'security_invoker'), false) AS invoker,
           (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               AND has_column_privilege(r.oid, c.oid, a.attnum, 'SELECT')
               AND a.attname ~* coalesce(nullif(current_setting('kulti_ops.private_columns', true), ''),
                     'token|secret|password|api_key|stream_key|email|phone|tweet_id')) AS private
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_roles r ON r.rolname = 'anon' AND has_schema_privilege(r.oid, n.oid, 'USAGE')
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
       AND (has_table_privilege(r.oid, c.oid, 'SELECT') OR has_any_column_privilege(r.oid, c.oid, 'SELECT'))
       AND n.nspname = ANY (string_to_array(
             coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
)
SELECT e.object_name, h.how, coalesce(': ' || e.private, '') AS columns,
       e.object_name || coalesce(': ' || e.private, '') AS door
  FROM exposed e
 CROSS JOIN LATERAL (
    SELECT CASE
      WHEN e.relkind = 'v' AND NOT e.invoker THEN 'a view with its owner''s rights'
      WHEN e.relkind = 'f' THEN 'a foreign table, which row security can''t protect'
      WHEN e.relkind = 'm' THEN 'a materialized view, which row security can''t protect'
      WHEN e.relkind IN ('r', 'p') AND NOT e.relrowsecurity THEN 'no row security'
      WHEN e.relkind IN ('r', 'p') AND e.private IS NOT NULL THEN
        (SELECT 'policy ' || min(p.polname::text) FROM pg_policy p
          WHERE p.polrelid = e.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
            AND (p.polroles = '{0}' OR e.anon = ANY (p.polroles))
            AND coalesce(pg_get_expr(p.polqual, p.polrelid), 'true') !~* 'auth\.(uid|role|jwt|email)\(\)|is_admin\(\)|request\.jwt')
    END
 ) AS h (how)
 WHERE h.how IS NOT NULL
 ORDER BY e.private IS NULL, e.object_name

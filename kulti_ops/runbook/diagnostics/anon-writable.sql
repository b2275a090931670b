-- title: nobody writes without signing in
-- group: access
-- when: Rows appear that no user made; after a migration or a restore.
-- param: exposed_schemas = public
-- verdict: count
-- crit: 1
-- triage: 14
-- key: door
-- noun: tables and views
-- evidence: SELECT count(*) AS examined FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
--   WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname = ANY (string_to_array(
--   coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
-- finding: anon may {command} {table_name} ({how})
-- explanation: What role anon, the public key without a login, may write, be it a single column:
--   tables without row security, views that write with their owner's rights, foreign tables,
--   and policies for anon or for everybody whose conditions ask neither who is signed in
--   (auth.uid(), auth.jwt()) nor whether it is an administrator. USING decides for UPDATE and
--   DELETE, WITH CHECK for INSERT and UPDATE. One that names who is not signed in (auth.uid() IS
--   NULL, role anon) is open. A policy that only looks harmless is shown
--   too: read its condition. TRUNCATE can't be reached through the API.
-- next: psql "$DATABASE_URL" -c '\d {table_name}'
WITH exposed AS (
    SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS table_name, c.relkind, c.relrowsecurity,
           r.oid AS anon,
           coalesce((SELECT bool_or(o.option_value::bool) FROM pg_options_to_table(c.reloptions) o
                      WHERE o.option_name = 'security_invoker'), false) AS invoker,
           CASE WHEN c.relkind IN ('v', 'f') THEN pg_relation_is_updatable(c.oid, true) END AS updatable
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_roles r ON r.rolname = 'anon' AND has_schema_privilege(r.oid, n.oid, 'USAGE')
     WHERE c.relkind IN ('r', 'p', 'v', 'f')
       AND n.nspname = ANY (string_to_array(
             coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
), allowed AS (
    SELECT e.*, c.name AS command, c.letter
      FROM exposed e
     CROSS JOIN (VALUES ('INSERT', 'a', 8), ('UPDATE', 'w', 4), ('DELETE', 'd', 16)) AS c (name, letter, bit)
     WHERE CASE WHEN has_table_privilege(e.anon, e.oid, c.name) THEN true
                WHEN c.name <> 'DELETE' THEN has_any_column_privilege(e.anon, e.oid, c.name) END
       AND (e.updatable IS NULL OR e.updatable & c.bit <> 0)
)
SELECT a.table_name, a.command, h.how, NULL AS condition, a.table_name || ' ' || a.command AS door
  FROM allowed a
 CROSS JOIN LATERAL (
    SELECT CASE WHEN a.relkind = 'f' THEN 'a foreign table, which row security can''t protect'
                WHEN a.relkind = 'v' AND NOT a.invoker THEN 'a view with its owner''s rights'
                WHEN a.relkind IN ('r', 'p') AND NOT a.relrowsecurity THEN 'no row security' END
 ) AS h (how)
 WHERE h.how IS NOT NULL
UNION ALL
SELECT a.table_name, a.command, 'policy ' || p.polname, concat_ws(' / ', x.using_, x.check_),
       a.table_name || ' ' || a.command || ' ' || p.polname
  FROM allowed a
  JOIN pg_policy p ON p.polrelid = a.oid AND p.polpermissive AND p.polcmd IN (a.letter::"char", '*')
       AND (p.polroles = '{0}' OR a.anon = ANY (p.polroles))
 CROSS JOIN LATERAL (
    SELECT CASE WHEN a.command <> 'INSERT' THEN pg_get_expr(p.polqual, p.polrelid) END,
           CASE WHEN a.command <> 'DELETE' THEN pg_get_expr(coalesce(p.polwithcheck, p.polqual), p.polrelid) END
 ) AS x (using_, check_)
 WHERE a.relrowsecurity
   -- asks who is signed in, and does not let those in who are not
   AND NOT EXISTS (SELECT 1 FROM (VALUES (x.using_), (x.check_)) AS c (condition)
                    WHERE c.condition ~* 'auth\.(uid|role|jwt|email)\(\)|is_admin\(\)|request\.jwt'
                      AND c.condition !~* 'auth\.uid\(\) IS NULL|(= |\[|, )''anon''')
 ORDER BY 1, 2, 3

-- title: nobody writes without signing in
-- group: access
-- when: Rows appear that no user made; after a migration or a restore.
-- param: exposed_schemas = public
-- verdict: count
-- crit: 1
-- triage: 14
-- key: door
-- noun: tables
-- evidence: SELECT count(*) AS examined FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
--   WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY (string_to_array(
--   coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
-- finding: anon may {command} {table_name} ({how})
-- explanation: What role anon, the public key without a login, may write: tables without row security,
--   and policies for anon or for everybody whose condition asks neither who is signed in
--   (auth.uid()) nor whether it is an administrator. A policy that only looks harmless is shown
--   too: read its condition. TRUNCATE can't be reached through the API.
-- next: psql "$DATABASE_URL" -c '\d {table_name}'
WITH exposed AS (
    SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS table_name, c.relrowsecurity, r.oid AS anon
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_roles r ON r.rolname = 'anon' AND has_schema_privilege(r.oid, n.oid, 'USAGE')
     WHERE c.relkind IN ('r', 'p')
       AND n.nspname = ANY (string_to_array(
             coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
), commands (name, letter) AS (VALUES ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd'))
SELECT e.table_name, c.name AS command, 'no row security' AS how, NULL AS condition,
       e.table_name || ' ' || c.name AS door
  FROM exposed e CROSS JOIN commands c
 WHERE NOT e.relrowsecurity AND has_table_privilege(e.anon, e.oid, c.name)
UNION ALL
SELECT e.table_name, c.name, 'policy ' || p.polname, coalesce(x.with_check, x.using_), e.table_name || ' ' || c.name || ' ' || p.polname
  FROM exposed e
 CROSS JOIN commands c
  JOIN pg_policy p ON p.polrelid = e.oid AND p.polpermissive AND p.polcmd IN (c.letter::"char", '*')
       AND (p.polroles = '{0}' OR e.anon = ANY (p.polroles))
 CROSS JOIN LATERAL (
    SELECT pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
 ) AS x (using_, with_check)
 WHERE e.relrowsecurity AND has_table_privilege(e.anon, e.oid, c.name)
   AND coalesce(x.with_check, x.using_, 'true') !~* 'auth\.uid\(\)|is_admin\(\)|auth\.role\(\)'
 ORDER BY 1, 2, 3

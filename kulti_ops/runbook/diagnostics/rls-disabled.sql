-- title: every table the API shows has row security
-- group: access
-- when: After a migration or a restore, and whenever somebody says that they can see other people's data.
-- param: exposed_schemas = public
-- verdict: count
-- crit: 1
-- triage: 12
-- key: table_name
-- noun: tables
-- evidence: SELECT count(*) AS examined FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
--   WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY (string_to_array(
--   coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
-- finding: {table_name} has no row security and {roles} may {rights}
-- explanation: Tables of the exposed schemas without row level security that anon or authenticated
--   hold rights on, be it on one column: everybody with the public key reads or writes every row. Tables nobody of the
--   API has rights on are left out.
-- next: psql "$DATABASE_URL" -c 'ALTER TABLE {table_name} ENABLE ROW LEVEL SECURITY'
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS table_name,
       string_agg(DISTINCT r.rolname::text, ', ') AS roles,
       string_agg(DISTINCT p.name, ', ') AS rights,
       greatest(max(c.reltuples), 0)::bigint AS rows_estimate
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_roles r ON r.rolname IN ('anon', 'authenticated') AND has_schema_privilege(r.oid, n.oid, 'USAGE')
 CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) AS p (name)
 WHERE c.relkind IN ('r', 'p') AND NOT c.relrowsecurity
   AND CASE WHEN has_table_privilege(r.oid, c.oid, p.name) THEN true
            WHEN p.name <> 'DELETE' THEN has_any_column_privilege(r.oid, c.oid, p.name) END
   AND n.nspname = ANY (string_to_array(
         coalesce(nullif(current_setting('kulti_ops.exposed_schemas', true), ''), 'public'), ','))
 GROUP BY n.nspname, c.relname
 ORDER BY table_name

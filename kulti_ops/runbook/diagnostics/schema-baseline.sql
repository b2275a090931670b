-- title: the schema is as it was when its baseline was saved
-- group: access
-- when: After a deploy, a restore or a night: did anybody change a table, a right, a policy, a function?
-- param: schema_baseline = (none)
-- verdict: count
-- warn: 1
-- key: object_name
-- noun: objects in a saved baseline (kulti-ops runbook baseline save)
-- evidence: SELECT count(*) AS examined FROM jsonb_object_keys(
--   coalesce(nullif(current_setting('kulti_ops.schema_baseline', true), ''), '{}')::jsonb)
-- finding: {object_name} {change}
-- explanation: Every table with its row security and rights, column, constraint, index, view, policy,
--   function, trigger, extension and published table outside the system's schemas, against what
--   `runbook baseline save` remembered. In psql `SET kulti_ops.schema_baseline = '{}'` makes it
--   list everything. When a change is meant, save the baseline again.
-- next: kulti-ops runbook baseline diff --limit 200
WITH named AS (
    SELECT n.oid, quote_ident(n.nspname) AS name FROM pg_namespace n
     WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
), relations AS (
    SELECT c.*, n.name || '.' || quote_ident(c.relname) AS name
      FROM pg_class c JOIN named n ON n.oid = c.relnamespace
     WHERE NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                          AND d.objid = c.oid AND d.deptype = 'e')
), objects (object_name, definition) AS (
    SELECT CASE r.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' WHEN 'S' THEN 'sequence '
                          WHEN 'f' THEN 'foreign table ' ELSE 'table ' END || r.name,
           concat_ws(' | ', pg_get_userbyid(r.relowner), r.relacl::text, r.relrowsecurity, r.relforcerowsecurity,
                     r.reloptions::text, CASE WHEN r.relkind IN ('v', 'm') THEN pg_get_viewdef(r.oid) END)
      FROM relations r WHERE r.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL
    SELECT 'column ' || r.name || '.' || quote_ident(a.attname),
           concat_ws(' | ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
                     a.attacl::text, pg_get_expr(d.adbin, d.adrelid))
      FROM relations r
      JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE r.relkind IN ('r', 'p', 'f')
    UNION ALL
    SELECT 'constraint ' || r.name || '.' || quote_ident(k.conname),
           concat_ws(' | ', pg_get_constraintdef(k.oid), k.convalidated)
      FROM relations r JOIN pg_constraint k ON k.conrelid = r.oid
    UNION ALL
    SELECT 'index ' || i.name, concat_ws(' | ', pg_get_indexdef(i.oid), x.indisvalid)
      FROM relations i JOIN pg_index x ON x.indexrelid = i.oid
    UNION ALL
    SELECT 'policy ' || r.name || '.' || quote_ident(p.polname),
           concat_ws(' | ', p.polcmd, p.polpermissive,
                     (SELECT string_agg(pg_get_userbyid(o.oid), ',' ORDER BY o.oid) FROM unnest(p.polroles) AS o (oid)),
                     pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
      FROM relations r JOIN pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT 'trigger ' || r.name || '.' || quote_ident(t.tgname),
           concat_ws(' | ', pg_get_triggerdef(t.oid), t.tgenabled)
      FROM relations r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
    UNION ALL
    SELECT 'function ' || n.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')',
           concat_ws(' | ', pg_get_userbyid(p.proowner), p.proacl::text, p.prosecdef, p.provolatile,
                     p.proconfig::text, format_type(p.prorettype, NULL), md5(p.prosrc))
      FROM pg_proc p JOIN named n ON n.oid = p.pronamespace
     WHERE NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                          AND d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'extension ' || quote_ident(e.extname), e.extversion FROM pg_extension e
    UNION ALL
    SELECT 'published ' || quote_ident(t.pubname) || ' ' || t.schemaname || '.' || t.tablename, t.rowfilter
      FROM pg_publication_tables t
), fingerprints AS (
    SELECT o.object_name, left(md5(coalesce(o.definition, '')), 16) AS fingerprint, o.definition FROM objects o
), before AS (
    SELECT b.key AS object_name, b.value AS fingerprint
      FROM jsonb_each_text(coalesce(nullif(current_setting('kulti_ops.schema_baseline', true), ''), '{}')::jsonb) b
)
SELECT coalesce(f.object_name, b.object_name) AS object_name,
       CASE WHEN b.object_name IS NULL THEN 'is new' WHEN f.object_name IS NULL THEN 'is gone'
            ELSE 'has changed' END AS change,
       left(f.definition, 200) AS definition, f.fingerprint
  FROM fingerprints f
  FULL JOIN before b ON b.object_name = f.object_name
 WHERE f.fingerprint IS DISTINCT FROM b.fingerprint
   AND nullif(current_setting('kulti_ops.schema_baseline', true), '') IS NOT NULL
 ORDER BY 1

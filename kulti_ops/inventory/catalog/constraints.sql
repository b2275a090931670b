-- Constraints of tables and domains; not-null ones are an attribute of their column.
SELECT CASE k.contype WHEN 'f' THEN 'foreign key' ELSE 'constraint' END AS kind,
       format('%s on %s', quote_ident(k.conname), CASE WHEN k.conrelid <> 0 THEN k.conrelid::regclass::text ELSE k.contypid::regtype::text END) AS identity,
       'pg_constraint'::regclass::oid AS classid, k.oid AS objid,
       jsonb_build_object('type', k.contype, 'definition', pg_get_constraintdef(k.oid), 'validated', k.convalidated,
         'inherited', k.conparentid <> 0,
         'comment', obj_description(k.oid, 'pg_constraint')) AS attributes
  FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
 WHERE k.contype NOT IN ('n', 't') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND (e.classid, e.objid) IN
       (('pg_class'::regclass, k.conrelid), ('pg_type'::regclass, k.contypid)))

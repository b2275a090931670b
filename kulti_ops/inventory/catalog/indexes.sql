-- Indexes, with the constraint that owns one.
SELECT 'index' AS kind, format('%I.%I', n.nspname, c.relname) AS identity, 'pg_class'::regclass::oid AS classid, c.oid AS objid,
       jsonb_build_object('definition', pg_get_indexdef(c.oid), 'valid', i.indisvalid, 'clustered', i.indisclustered,
         'replica identity', i.indisreplident, 'options', array_to_string(c.reloptions, ', '),
         'constraint', (SELECT k.conname FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x') LIMIT 1),
         'parent', (SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = c.oid),
         'comment', obj_description(c.oid, 'pg_class')) AS attributes
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_class'::regclass AND e.objid = i.indrelid)

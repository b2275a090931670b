-- Triggers with their state; those of constraints are counted with their table.
SELECT 'trigger' AS kind, format('%I on %s', t.tgname, t.tgrelid::regclass) AS identity, 'pg_trigger'::regclass::oid AS classid, t.oid AS objid,
       jsonb_build_object('definition', pg_get_triggerdef(t.oid), 'enabled', t.tgenabled, 'inherited', t.tgparentid <> 0,
         'function schema', (SELECT fn.nspname FROM pg_proc p JOIN pg_namespace fn ON fn.oid = p.pronamespace WHERE p.oid = t.tgfoid),
         'comment', obj_description(t.oid, 'pg_trigger')) AS attributes
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT t.tgisinternal AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_class'::regclass AND e.objid = c.oid) AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_trigger'::regclass AND e.objid = t.oid)

-- Rewrite rules other than those of views.
SELECT 'rule' AS kind, format('%I on %s', r.rulename, r.ev_class::regclass) AS identity, 'pg_rewrite'::regclass::oid AS classid, r.oid AS objid,
       jsonb_build_object('definition', pg_get_ruledef(r.oid), 'enabled', r.ev_enabled,
         'comment', obj_description(r.oid, 'pg_rewrite')) AS attributes
  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE r.rulename <> '_RETURN' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_class'::regclass AND e.objid = c.oid)

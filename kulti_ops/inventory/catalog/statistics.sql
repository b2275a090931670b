-- Extended statistics.
SELECT 'statistics' AS kind, format('%I.%I', n.nspname, s.stxname) AS identity, 'pg_statistic_ext'::regclass::oid AS classid, s.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(s.stxowner), 'definition', pg_get_statisticsobjdef(s.oid),
         'comment', obj_description(s.oid, 'pg_statistic_ext')) AS attributes
  FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_statistic_ext'::regclass AND e.objid = s.oid)

-- Operators, casts, collations, text search, foreign servers: by identity and owner.
SELECT 'operator' AS kind, (pg_identify_object('pg_operator'::regclass, o.oid, 0)).identity AS identity, 'pg_operator'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.oprowner), 'comment', obj_description(o.oid, 'pg_operator')) AS attributes
  FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_operator'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'operator class' AS kind, (pg_identify_object('pg_opclass'::regclass, o.oid, 0)).identity AS identity, 'pg_opclass'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.opcowner), 'comment', obj_description(o.oid, 'pg_opclass')) AS attributes
  FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_opclass'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'operator family' AS kind, (pg_identify_object('pg_opfamily'::regclass, o.oid, 0)).identity AS identity, 'pg_opfamily'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.opfowner), 'comment', obj_description(o.oid, 'pg_opfamily')) AS attributes
  FROM pg_opfamily o JOIN pg_namespace n ON n.oid = o.opfnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_opfamily'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'collation' AS kind, (pg_identify_object('pg_collation'::regclass, o.oid, 0)).identity AS identity, 'pg_collation'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.collowner), 'comment', obj_description(o.oid, 'pg_collation')) AS attributes
  FROM pg_collation o JOIN pg_namespace n ON n.oid = o.collnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_collation'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'conversion' AS kind, (pg_identify_object('pg_conversion'::regclass, o.oid, 0)).identity AS identity, 'pg_conversion'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.conowner), 'comment', obj_description(o.oid, 'pg_conversion')) AS attributes
  FROM pg_conversion o JOIN pg_namespace n ON n.oid = o.connamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_conversion'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'text search configuration' AS kind, (pg_identify_object('pg_ts_config'::regclass, o.oid, 0)).identity AS identity, 'pg_ts_config'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.cfgowner), 'comment', obj_description(o.oid, 'pg_ts_config')) AS attributes
  FROM pg_ts_config o JOIN pg_namespace n ON n.oid = o.cfgnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_ts_config'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'text search dictionary' AS kind, (pg_identify_object('pg_ts_dict'::regclass, o.oid, 0)).identity AS identity, 'pg_ts_dict'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.dictowner), 'comment', obj_description(o.oid, 'pg_ts_dict')) AS attributes
  FROM pg_ts_dict o JOIN pg_namespace n ON n.oid = o.dictnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_ts_dict'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'cast', (pg_identify_object('pg_cast'::regclass, o.oid, 0)).identity, 'pg_cast'::regclass::oid, o.oid,
       jsonb_build_object('method', o.castmethod, 'context', o.castcontext, 'function', nullif(o.castfunc, 0)::regprocedure::text)
  FROM pg_cast o
 WHERE o.oid >= 16384 AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_cast'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'foreign server', quote_ident(o.srvname), 'pg_foreign_server'::regclass::oid, o.oid,
       jsonb_build_object('owner', pg_get_userbyid(o.srvowner), 'acl', (SELECT string_agg(format('%s=%s%s/%s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
            a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END, quote_ident(pg_get_userbyid(a.grantor))), ', '
            ORDER BY a.grantee = 0 DESC, pg_get_userbyid(a.grantee), a.privilege_type, pg_get_userbyid(a.grantor))
       FROM aclexplode(coalesce(o.srvacl, acldefault('S', o.srvowner))) a))
  FROM pg_foreign_server o WHERE NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_foreign_server'::regclass AND e.objid = o.oid)

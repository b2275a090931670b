-- Collations, conversions, languages, transforms, access methods.
SELECT 'collation' AS kind, (pg_identify_object('pg_collation'::regclass, o.oid, 0)).identity AS identity, 'pg_collation'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.collowner), 'provider', o.collprovider, 'deterministic', o.collisdeterministic,
         'collate', o.collcollate, 'ctype', o.collctype,
         'locale', coalesce(to_jsonb(o) ->> 'colllocale', to_jsonb(o) ->> 'colliculocale'), 'comment', obj_description(o.oid, 'pg_collation')) AS attributes
  FROM pg_collation o JOIN pg_namespace n ON n.oid = o.collnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_collation'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'conversion' AS kind, (pg_identify_object('pg_conversion'::regclass, o.oid, 0)).identity AS identity, 'pg_conversion'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.conowner), 'from', pg_encoding_to_char(o.conforencoding), 'to', pg_encoding_to_char(o.contoencoding),
         'function', o.conproc::regprocedure::text, 'default', o.condefault, 'comment', obj_description(o.oid, 'pg_conversion')) AS attributes
  FROM pg_conversion o JOIN pg_namespace n ON n.oid = o.connamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_conversion'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'language', quote_ident(o.lanname), 'pg_language'::regclass::oid, o.oid,
       jsonb_build_object('owner', pg_get_userbyid(o.lanowner), 'trusted', o.lanpltrusted, 'handler', nullif(o.lanplcallfoid, 0)::regprocedure::text,
         'inline', nullif(o.laninline, 0)::regprocedure::text, 'validator', nullif(o.lanvalidator, 0)::regprocedure::text,
         'acl', (SELECT string_agg(format('%s=%s%s/%s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
            a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END, quote_ident(pg_get_userbyid(a.grantor))), ', '
            ORDER BY a.grantee = 0 DESC, pg_get_userbyid(a.grantee), a.privilege_type, pg_get_userbyid(a.grantor))
       FROM aclexplode(coalesce(o.lanacl, acldefault('l', o.lanowner))) a),
         'comment', obj_description(o.oid, 'pg_language'))
  FROM pg_language o WHERE o.lanispl AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_language'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'transform', (pg_identify_object('pg_transform'::regclass, o.oid, 0)).identity, 'pg_transform'::regclass::oid, o.oid,
       jsonb_build_object('from sql', nullif(o.trffromsql, 0)::regprocedure::text, 'to sql', nullif(o.trftosql, 0)::regprocedure::text)
  FROM pg_transform o WHERE NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_transform'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'access method', quote_ident(o.amname), 'pg_am'::regclass::oid, o.oid,
       jsonb_build_object('type', o.amtype, 'handler', o.amhandler::regprocedure::text, 'comment', obj_description(o.oid, 'pg_am'))
  FROM pg_am o WHERE o.oid >= 16384 AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_am'::regclass AND e.objid = o.oid)

-- Sequences: parameters and owning column; their values are compared with the archive's own.
SELECT 'sequence' AS kind, format('%I.%I', n.nspname, c.relname) AS identity, 'pg_class'::regclass::oid AS classid, c.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(c.relowner), 'type', s.seqtypid::regtype::text, 'start', s.seqstart,
         'increment', s.seqincrement, 'minimum', s.seqmin, 'maximum', s.seqmax, 'cache', s.seqcache, 'cycle', s.seqcycle,
         'persistence', c.relpersistence,
         'owned by', (SELECT format('%s.%I', d.refobjid::regclass, a.attname) FROM pg_depend d
             JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
             WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0 LIMIT 1),
         'acl', (SELECT string_agg(format('%s=%s%s/%s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
            a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END, quote_ident(pg_get_userbyid(a.grantor))), ', '
            ORDER BY a.grantee = 0 DESC, pg_get_userbyid(a.grantee), a.privilege_type, pg_get_userbyid(a.grantor))
       FROM aclexplode(coalesce(c.relacl, acldefault('s', c.relowner))) a),
         'comment', obj_description(c.oid, 'pg_class')) AS attributes
  FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_class'::regclass AND e.objid = c.oid)

-- Large objects: owner, rights, comment; their bytes are compared separately.
SELECT 'large object' AS kind, m.oid::text AS identity, 'pg_largeobject'::regclass::oid AS classid, m.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(m.lomowner),
         'acl', (SELECT string_agg(format('%s=%s%s/%s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
            a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END, quote_ident(pg_get_userbyid(a.grantor))), ', '
            ORDER BY a.grantee = 0 DESC, pg_get_userbyid(a.grantee), a.privilege_type, pg_get_userbyid(a.grantor))
       FROM aclexplode(coalesce(m.lomacl, acldefault('L', m.lomowner))) a),
         'comment', obj_description(m.oid, 'pg_largeobject')) AS attributes
  FROM pg_largeobject_metadata m

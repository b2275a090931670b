-- Schemas: owner, rights, comment.
SELECT 'schema' AS kind, quote_ident(n.nspname) AS identity, 'pg_namespace'::regclass::oid AS classid, n.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(n.nspowner),
         'acl', (SELECT string_agg(format('%s=%s%s/%s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
            a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END, quote_ident(pg_get_userbyid(a.grantor))), ', '
            ORDER BY a.grantee = 0 DESC, pg_get_userbyid(a.grantee), a.privilege_type, pg_get_userbyid(a.grantor))
       FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a),
         'comment', obj_description(n.oid, 'pg_namespace')) AS attributes
  FROM pg_namespace n
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_namespace'::regclass AND e.objid = n.oid)

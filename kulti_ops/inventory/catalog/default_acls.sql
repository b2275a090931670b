-- Default privileges.
SELECT 'default privileges' AS kind, format('for %I in %s on %s', pg_get_userbyid(d.defaclrole),
           coalesce(d.defaclnamespace::regnamespace::text, 'every schema'), d.defaclobjtype) AS identity,
       'pg_default_acl'::regclass::oid AS classid, d.oid AS objid,
       jsonb_build_object('acl', (SELECT string_agg(format('%s=%s%s/%s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
            a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END, quote_ident(pg_get_userbyid(a.grantor))), ', '
            ORDER BY a.grantee = 0 DESC, pg_get_userbyid(a.grantee), a.privilege_type, pg_get_userbyid(a.grantor))
       FROM aclexplode(d.defaclacl) a)) AS attributes
  FROM pg_default_acl d

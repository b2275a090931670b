-- Roles without their passwords, which nobody but a superuser can read.
SELECT 'role' AS kind, quote_ident(r.rolname) AS identity, 'pg_authid'::regclass::oid AS classid, r.oid AS objid,
       jsonb_build_object('superuser', r.rolsuper, 'inherit', r.rolinherit, 'createrole', r.rolcreaterole,
         'createdb', r.rolcreatedb, 'login', r.rolcanlogin, 'replication', r.rolreplication, 'bypassrls', r.rolbypassrls,
         'connection limit', r.rolconnlimit, 'valid until', CASE WHEN isfinite(r.rolvaliduntil)
             THEN (r.rolvaliduntil AT TIME ZONE 'UTC')::text || '+00' END,
         'comment', shobj_description(r.oid, 'pg_authid')) AS attributes
  FROM pg_roles r
 WHERE r.rolname !~ '^pg_'

-- Memberships among roles; the inherit and set options exist from PostgreSQL 16 on.
SELECT 'membership' AS kind, format('%I to %I', pg_get_userbyid(m.roleid), pg_get_userbyid(m.member)) AS identity,
       'pg_auth_members'::regclass::oid AS classid, m.roleid AS objid,
       jsonb_build_object('role', pg_get_userbyid(m.roleid), 'member', pg_get_userbyid(m.member),
         'admin', bool_or(m.admin_option), 'inherit', bool_or((to_jsonb(m) ->> 'inherit_option')::boolean),
         'set', bool_or((to_jsonb(m) ->> 'set_option')::boolean)) AS attributes
  FROM pg_auth_members m
 WHERE pg_get_userbyid(m.member) !~ '^pg_'
 GROUP BY m.roleid, m.member

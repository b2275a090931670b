-- title: only known roles have power
-- group: access
-- when: After somebody left, after a breach, in the monthly audit.
-- param: expected_roles = postgres,supabase_admin,authenticator,supabase_auth_admin,supabase_storage_admin,supabase_realtime_admin,supabase_replication_admin,supabase_read_only_user,supabase_etl_admin,supabase_functions_admin,dashboard_user,pgbouncer,service_role,pgsodium_keyholder,pgsodium_keyiduser,pgsodium_keymaker,pgtle_admin,cli_login_postgres
-- verdict: count
-- warn: 1
-- key: role
-- noun: roles
-- evidence: SELECT count(*) AS examined FROM pg_roles r WHERE r.rolname NOT LIKE 'pg\_%'
-- finding: role {role} {why}
-- explanation: Roles outside the platform's own (expected_roles) that may log in or have an attribute
--   that opens doors; and anon or authenticated with such an attribute, or as members of a
--   stronger role. Roles without login and without attributes are left out.
-- next: psql "$DATABASE_URL" -c '\du {role}'
SELECT r.rolname::text AS role,
       concat_ws(', ', CASE WHEN r.rolcanlogin THEN 'may log in' END, CASE WHEN r.rolsuper THEN 'is superuser' END,
                 CASE WHEN r.rolbypassrls THEN 'bypasses row security' END,
                 CASE WHEN r.rolcreaterole THEN 'may make roles' END,
                 CASE WHEN r.rolreplication THEN 'may replicate' END,
                 CASE WHEN m.names IS NOT NULL THEN 'is a member of ' || m.names END) AS why,
       r.rolvaliduntil AS valid_until
  FROM pg_roles r
  LEFT JOIN LATERAL (
    SELECT string_agg(g.rolname::text, ', ' ORDER BY g.rolname) AS names
      FROM pg_auth_members am JOIN pg_roles g ON g.oid = am.roleid
     WHERE am.member = r.oid AND r.rolname IN ('anon', 'authenticated')
 ) m ON true
 WHERE r.rolname NOT LIKE 'pg\_%'
   AND r.rolname <> ALL (string_to_array(coalesce(nullif(current_setting('kulti_ops.expected_roles', true), ''),
         'postgres,supabase_admin,authenticator,supabase_auth_admin,supabase_storage_admin,supabase_realtime_admin,supabase_replication_admin,supabase_read_only_user,supabase_etl_admin,supabase_functions_admin,dashboard_user,pgbouncer,service_role,pgsodium_keyholder,pgsodium_keyiduser,pgsodium_keymaker,pgtle_admin,cli_login_postgres'), ','))
   AND (r.rolcanlogin OR r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolreplication OR m.names IS NOT NULL)
 ORDER BY r.rolsuper DESC, r.rolname

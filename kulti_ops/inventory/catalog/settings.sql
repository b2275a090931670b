-- Settings that belong to this database, to a role, or to a role in this database.
SELECT 'setting' AS kind, concat_ws(' ', CASE WHEN s.setrole <> 0 THEN format('of %I', pg_get_userbyid(s.setrole)) END,
           CASE WHEN s.setdatabase <> 0 THEN 'in this database' END) AS identity,
       'pg_db_role_setting'::regclass::oid AS classid, s.setrole AS objid,
       jsonb_build_object('role', CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole) END,
         'in database', s.setdatabase <> 0, 'settings', s.setconfig::text) AS attributes
  FROM pg_db_role_setting s
 WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))

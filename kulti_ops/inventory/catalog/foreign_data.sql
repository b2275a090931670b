-- Foreign-data wrappers, servers, user mappings. Options hold passwords and keys: their names,
-- and a digest that depends on where they stand. A mapping's are hidden from whoever may not see
-- them; pg_dump leaves them out then.
SELECT 'foreign data wrapper' AS kind, quote_ident(o.fdwname) AS identity, 'pg_foreign_data_wrapper'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.fdwowner), 'handler', nullif(o.fdwhandler, 0)::regprocedure::text,
         'validator', nullif(o.fdwvalidator, 0)::regprocedure::text, 'options', (SELECT string_agg(p.option_name, ', ' ORDER BY p.option_name) || ' ' ||
            md5(concat_ws(E'\n', o.fdwname, string_agg(format('%L %L', p.option_name, p.option_value), E'\n' ORDER BY p.option_name)))
              FROM pg_options_to_table(o.fdwoptions) p), 
         'acl', (SELECT string_agg(format('%s=%s%s/%s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
            a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END, quote_ident(pg_get_userbyid(a.grantor))), ', '
            ORDER BY a.grantee = 0 DESC, pg_get_userbyid(a.grantee), a.privilege_type, pg_get_userbyid(a.grantor))
       FROM aclexplode(coalesce(o.fdwacl, acldefault('F', o.fdwowner))) a),
         'comment', obj_description(o.oid, 'pg_foreign_data_wrapper')) AS attributes
  FROM pg_foreign_data_wrapper o WHERE NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_foreign_data_wrapper'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'foreign server', quote_ident(o.srvname), 'pg_foreign_server'::regclass::oid, o.oid,
       jsonb_build_object('owner', pg_get_userbyid(o.srvowner), 'wrapper', (SELECT w.fdwname FROM pg_foreign_data_wrapper w WHERE w.oid = o.srvfdw),
         'type', o.srvtype, 'version', o.srvversion, 'options', (SELECT string_agg(p.option_name, ', ' ORDER BY p.option_name) || ' ' ||
            md5(concat_ws(E'\n', o.srvname, string_agg(format('%L %L', p.option_name, p.option_value), E'\n' ORDER BY p.option_name)))
              FROM pg_options_to_table(o.srvoptions) p), 
         'acl', (SELECT string_agg(format('%s=%s%s/%s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
            a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END, quote_ident(pg_get_userbyid(a.grantor))), ', '
            ORDER BY a.grantee = 0 DESC, pg_get_userbyid(a.grantee), a.privilege_type, pg_get_userbyid(a.grantor))
       FROM aclexplode(coalesce(o.srvacl, acldefault('S', o.srvowner))) a),
         'comment', obj_description(o.oid, 'pg_foreign_server'))
  FROM pg_foreign_server o WHERE NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_foreign_server'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'user mapping', format('for %s on %I', CASE WHEN o.umuser = 0 THEN 'PUBLIC' ELSE quote_ident(o.usename) END, o.srvname),
       'pg_user_mapping'::regclass::oid, o.umid,
       jsonb_build_object('user', o.usename, 'server', o.srvname, 'options', CASE WHEN v.visible THEN coalesce((SELECT string_agg(p.option_name, ', ' ORDER BY p.option_name) || ' ' ||
            md5(concat_ws(E'\n', o.srvname, o.usename, string_agg(format('%L %L', p.option_name, p.option_value), E'\n' ORDER BY p.option_name)))
              FROM pg_options_to_table(o.umoptions) p), 'none') ELSE 'hidden' END)
  FROM pg_user_mappings o CROSS JOIN LATERAL (SELECT current_setting('is_superuser')::boolean
         OR (o.umuser = 0 AND pg_has_role(f.srvowner, 'USAGE'))
         OR (o.usename = current_user AND (pg_has_role(f.srvowner, 'USAGE') OR has_server_privilege(f.oid, 'USAGE'))) AS visible
       FROM pg_foreign_server f WHERE f.oid = o.srvid) v

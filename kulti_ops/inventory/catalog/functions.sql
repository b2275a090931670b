-- Functions, procedures, aggregates; a range type's own constructors come with the type.
SELECT 'function' AS kind, p.oid::regprocedure::text AS identity, 'pg_proc'::regclass::oid AS classid, p.oid AS objid,
       jsonb_build_object('kind', p.prokind, 'owner', pg_get_userbyid(p.proowner),
         'definition', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid)
            ELSE (SELECT concat_ws(' ', g.aggkind, g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggserialfn, g.aggdeserialfn,
                    g.aggtranstype::regtype, g.agginitval, g.aggsortop::regoper) FROM pg_aggregate g WHERE g.aggfnoid = p.oid) END,
         'acl', (SELECT string_agg(format('%s=%s%s/%s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
            a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END, quote_ident(pg_get_userbyid(a.grantor))), ', '
            ORDER BY a.grantee = 0 DESC, pg_get_userbyid(a.grantee), a.privilege_type, pg_get_userbyid(a.grantor))
       FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a),
         'comment', obj_description(p.oid, 'pg_proc')) AS attributes
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_proc'::regclass AND e.objid = p.oid)
   AND NOT EXISTS (SELECT 1 FROM pg_depend i WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid AND i.deptype = 'i')

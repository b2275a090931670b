-- Tables, views, materialized views, foreign tables, partitioned tables.
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind,
       format('%I.%I', n.nspname, c.relname) AS identity, 'pg_class'::regclass::oid AS classid, c.oid AS objid,
       jsonb_build_object('relkind', c.relkind, 'persistence', c.relpersistence, 'owner', pg_get_userbyid(c.relowner),
         'acl', (SELECT string_agg(format('%s=%s%s/%s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
            a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END, quote_ident(pg_get_userbyid(a.grantor))), ', '
            ORDER BY a.grantee = 0 DESC, pg_get_userbyid(a.grantee), a.privilege_type, pg_get_userbyid(a.grantor))
       FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a),
         'row security', c.relrowsecurity::text || CASE WHEN c.relforcerowsecurity THEN ' forced' ELSE '' END,
         'replica identity', c.relreplident,
         'options', array_to_string(c.reloptions, ', '),
         'access method', (SELECT amname FROM pg_am WHERE pg_am.oid = c.relam),
         'definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
         'partition key', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
         'partition bound', pg_get_expr(c.relpartbound, c.oid),
         'parents', (SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid),
         'populated', CASE WHEN c.relkind = 'm' THEN c.relispopulated::text END,
         'of type', CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype::text END,
         'disabled internal triggers', (SELECT nullif(count(*), 0)::text FROM pg_trigger t
             WHERE t.tgrelid = c.oid AND t.tgisinternal AND t.tgenabled <> 'O'),
         'comment', obj_description(c.oid, 'pg_class')) AS attributes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_class'::regclass AND e.objid = c.oid)

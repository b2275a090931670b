-- Operators with what they call, operator classes and families with their members, casts.
SELECT 'operator' AS kind, (pg_identify_object('pg_operator'::regclass, o.oid, 0)).identity AS identity, 'pg_operator'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.oprowner), 'function', o.oprcode::regprocedure::text,
         'commutator', nullif(o.oprcom, 0)::regoperator::text, 'negator', nullif(o.oprnegate, 0)::regoperator::text,
         'restrict', nullif(o.oprrest, 0)::regproc::text, 'join', nullif(o.oprjoin, 0)::regproc::text,
         'hashes', o.oprcanhash, 'merges', o.oprcanmerge, 'comment', obj_description(o.oid, 'pg_operator')) AS attributes
  FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_operator'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'operator class' AS kind, (pg_identify_object('pg_opclass'::regclass, o.oid, 0)).identity AS identity, 'pg_opclass'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.opcowner), 'default', o.opcdefault, 'type', o.opcintype::regtype::text,
         'stored as', nullif(o.opckeytype, 0)::regtype::text,
         'family', (pg_identify_object('pg_opfamily'::regclass, o.opcfamily, 0)).identity, 'comment', obj_description(o.oid, 'pg_opclass')) AS attributes
  FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_opclass'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'operator family' AS kind, (pg_identify_object('pg_opfamily'::regclass, o.oid, 0)).identity AS identity, 'pg_opfamily'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.opfowner), 'members', (SELECT string_agg(m.text, '; ' ORDER BY m.text) FROM (
            SELECT format('operator %s %s%s', a.amopstrategy, a.amopopr::regoperator,
                     CASE WHEN a.amopsortfamily <> 0 THEN ' for order by ' || (pg_identify_object('pg_opfamily'::regclass, a.amopsortfamily, 0)).identity END) AS text
              FROM pg_amop a WHERE a.amopfamily = o.oid
            UNION ALL
            SELECT format('function %s (%s, %s) %s', a.amprocnum, a.amproclefttype::regtype, a.amprocrighttype::regtype, a.amproc::regprocedure)
              FROM pg_amproc a WHERE a.amprocfamily = o.oid) m), 'comment', obj_description(o.oid, 'pg_opfamily')) AS attributes
  FROM pg_opfamily o JOIN pg_namespace n ON n.oid = o.opfnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_opfamily'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'cast', (pg_identify_object('pg_cast'::regclass, o.oid, 0)).identity, 'pg_cast'::regclass::oid, o.oid,
       jsonb_build_object('method', o.castmethod, 'context', o.castcontext, 'function', nullif(o.castfunc, 0)::regprocedure::text)
  FROM pg_cast o
 WHERE o.oid >= 16384 AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_cast'::regclass AND e.objid = o.oid)

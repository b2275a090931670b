-- Security labels, of whatever kind of object in this database.
SELECT 'security label' AS kind, format('%s on %s %s', l.provider, i.type, i.identity) AS identity,
       'pg_seclabel'::regclass::oid AS classid, l.objoid AS objid,
       jsonb_build_object('label', l.label, 'class', l.classoid) AS attributes
  FROM pg_seclabel l, pg_identify_object(l.classoid, l.objoid, l.objsubid) i

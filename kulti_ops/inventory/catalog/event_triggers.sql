-- Event triggers.
SELECT 'event trigger' AS kind, quote_ident(t.evtname) AS identity, 'pg_event_trigger'::regclass::oid AS classid, t.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(t.evtowner), 'event', t.evtevent, 'enabled', t.evtenabled,
         'tags', array_to_string(t.evttags, ', '), 'function', t.evtfoid::regproc::text,
         'comment', obj_description(t.oid, 'pg_event_trigger')) AS attributes
  FROM pg_event_trigger t
 WHERE NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_event_trigger'::regclass AND e.objid = t.oid)

-- Text search: configurations with their mappings, dictionaries, parsers, templates.
SELECT 'text search configuration' AS kind, (pg_identify_object('pg_ts_config'::regclass, o.oid, 0)).identity AS identity, 'pg_ts_config'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.cfgowner), 'parser', (pg_identify_object('pg_ts_parser'::regclass, o.cfgparser, 0)).identity,
         'mappings', (SELECT string_agg(format('%s %s %s', t.alias, m.mapseqno, m.mapdict::regdictionary), '; ' ORDER BY t.alias, m.mapseqno)
              FROM pg_ts_config_map m JOIN ts_token_type(o.cfgparser) t ON t.tokid = m.maptokentype WHERE m.mapcfg = o.oid), 'comment', obj_description(o.oid, 'pg_ts_config')) AS attributes
  FROM pg_ts_config o JOIN pg_namespace n ON n.oid = o.cfgnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_ts_config'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'text search dictionary' AS kind, (pg_identify_object('pg_ts_dict'::regclass, o.oid, 0)).identity AS identity, 'pg_ts_dict'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(o.dictowner), 'template', (pg_identify_object('pg_ts_template'::regclass, o.dicttemplate, 0)).identity,
         'options', o.dictinitoption, 'comment', obj_description(o.oid, 'pg_ts_dict')) AS attributes
  FROM pg_ts_dict o JOIN pg_namespace n ON n.oid = o.dictnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_ts_dict'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'text search parser' AS kind, (pg_identify_object('pg_ts_parser'::regclass, o.oid, 0)).identity AS identity, 'pg_ts_parser'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('functions', concat_ws(', ', o.prsstart, o.prstoken, o.prsend, o.prsheadline, o.prslextype), 'comment', obj_description(o.oid, 'pg_ts_parser')) AS attributes
  FROM pg_ts_parser o JOIN pg_namespace n ON n.oid = o.prsnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_ts_parser'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'text search template' AS kind, (pg_identify_object('pg_ts_template'::regclass, o.oid, 0)).identity AS identity, 'pg_ts_template'::regclass::oid AS classid, o.oid AS objid,
       jsonb_build_object('functions', concat_ws(', ', o.tmplinit, o.tmpllexize), 'comment', obj_description(o.oid, 'pg_ts_template')) AS attributes
  FROM pg_ts_template o JOIN pg_namespace n ON n.oid = o.tmplnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_ts_template'::regclass AND e.objid = o.oid)

-- Extensions and their schemas; the version is told apart from a difference.
SELECT 'extension' AS kind, quote_ident(x.extname) AS identity, 'pg_extension'::regclass::oid AS classid, x.oid AS objid,
       jsonb_build_object('schema', n.nspname, 'version', x.extversion,
         'configuration tables', coalesce(array_length(x.extconfig, 1), 0)) AS attributes
  FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace

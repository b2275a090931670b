-- title: extensions live outside public
-- group: access
-- when: After a migration that made an extension.
-- verdict: count
-- warn: 1
-- key: extension
-- noun: extensions
-- evidence: SELECT count(*) AS examined FROM pg_extension
-- finding: extension {extension} is in public: the API offers its {functions} functions
-- explanation: Everything in public is part of the API, an extension's functions too.
-- next: psql "$DATABASE_URL" -c 'ALTER EXTENSION {extension} SET SCHEMA extensions'
SELECT quote_ident(e.extname) AS extension, e.extversion AS version,
       (SELECT count(*) FROM pg_depend d
         WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
           AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e') AS functions
  FROM pg_extension e
  JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE n.nspname = 'public'
 ORDER BY extension

-- title: every index is valid
-- group: database
-- when: A CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY was interrupted, or a query that should
--   use an index does not.
-- requires: role pg_read_all_stats
-- verdict: count
-- warn: 1
-- triage: 70
-- key: index_name
-- noun: indexes
-- evidence: SELECT count(*) AS examined FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
--   WHERE c.relkind = 'i'
-- finding: {index_name} on {table_name} is invalid: no query uses it, every write pays for it
-- explanation: What an interrupted concurrent build leaves. Builds in progress are left out. Drop it,
--   and build it again; a name ending in _ccnew is a REINDEX's leftover and can just go.
-- next: psql "$DATABASE_URL" -c 'DROP INDEX CONCURRENTLY {index_name}'
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS index_name,
       x.indrelid::regclass::text AS table_name,
       x.indisunique AS is_unique, x.indisready AS takes_writes,
       round(c.relpages * current_setting('block_size')::numeric / 1e6, 1) AS size_mb
  FROM pg_index x
  JOIN pg_class c ON c.oid = x.indexrelid AND c.relkind = 'i'
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT (x.indisvalid AND x.indisready)
   AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = x.indexrelid)
   -- REINDEX makes several indexes first and then tells of one at a time: its lock tells of all
   AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p
                     JOIN pg_locks l ON l.pid = p.pid AND l.granted AND l.mode = 'ShareUpdateExclusiveLock'
                    WHERE p.command = 'REINDEX CONCURRENTLY' AND l.relation = x.indrelid
                      AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
 ORDER BY index_name

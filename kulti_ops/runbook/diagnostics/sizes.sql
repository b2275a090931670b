-- title: what takes up the room
-- group: database
-- when: The database grows and you want to know where.
-- verdict: info
-- noun: tables
-- explanation: Tables by size, with their indexes and TOAST. The figures are those of the last
--   VACUUM or ANALYZE: measuring the files would wait behind every exclusive lock.
-- next: kulti-ops runbook check bloat unused-indexes
SELECT n.nspname || '.' || c.relname AS table_name,
       greatest(c.reltuples, 0)::bigint AS rows_estimate,
       round(c.relpages * k.block_mb, 1) AS table_mb,
       round(coalesce(i.pages, 0) * k.block_mb, 1) AS indexes_mb,
       round(coalesce(t.relpages, 0) * k.block_mb, 1) AS toast_mb,
       round((c.relpages + coalesce(i.pages, 0) + coalesce(t.relpages, 0)) * k.block_mb, 1) AS total_mb
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
  LEFT JOIN (SELECT x.indrelid, sum(ic.relpages) AS pages
               FROM pg_index x JOIN pg_class ic ON ic.oid = x.indexrelid GROUP BY x.indrelid) i
    ON i.indrelid = c.oid
 CROSS JOIN (SELECT current_setting('block_size')::numeric / 1000000 AS block_mb) k
 WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
 ORDER BY total_mb DESC

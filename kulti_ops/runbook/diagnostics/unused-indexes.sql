-- title: every large index is used
-- group: database
-- when: Writes are slow or the database is large, and you look for what can go.
-- param: unused_min_days = 7
-- param: unused_min_mb = 10
-- verdict: count
-- warn: 1
-- noun: indexes with enough days of statistics
-- evidence: SELECT CASE WHEN a.days >= coalesce(nullif(current_setting('kulti_ops.unused_min_days', true), '')::numeric, 7)
--   THEN (SELECT count(*) FROM pg_stat_user_indexes) ELSE 0 END AS examined,
--   round(a.days, 1) AS statistics_days
--   FROM (SELECT extract(epoch FROM now() - coalesce(d.stats_reset, pg_postmaster_start_time())) / 86400 AS days
--   FROM pg_stat_database d WHERE d.datname = current_database()) a
-- finding: {index_name} ({size_mb} MB on {table_name}) was not used in {statistics_days} days
-- explanation: Indexes that no scan has used since the statistics began, when those are at least
--   unused_min_days old. Left out: primary keys, unique and exclusion constraints, replica
--   identities, and what is small. A standby's reads are not counted here: look there too before
--   you drop one.
-- next: kulti-ops runbook explain unused-indexes
SELECT s.schemaname || '.' || s.indexrelname AS index_name,
       s.schemaname || '.' || s.relname AS table_name,
       round(c.relpages * current_setting('block_size')::numeric / 1e6, 1) AS size_mb,
       s.idx_scan AS scans, to_jsonb(s) ->> 'last_idx_scan' AS last_used_at,
       round(a.days, 1) AS statistics_days
  FROM pg_stat_user_indexes s
  JOIN pg_index x ON x.indexrelid = s.indexrelid
  JOIN pg_class c ON c.oid = s.indexrelid
 CROSS JOIN (
    SELECT extract(epoch FROM now() - coalesce(d.stats_reset, pg_postmaster_start_time())) / 86400 AS days
      FROM pg_stat_database d WHERE d.datname = current_database()
 ) a
 WHERE s.idx_scan = 0 AND x.indisvalid AND NOT x.indisunique AND NOT x.indisprimary
   AND NOT x.indisexclusion AND NOT x.indisreplident
   AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = s.indexrelid)
   AND a.days >= coalesce(nullif(current_setting('kulti_ops.unused_min_days', true), '')::numeric, 7)
   AND c.relpages * current_setting('block_size')::numeric / 1e6
       >= coalesce(nullif(current_setting('kulti_ops.unused_min_mb', true), '')::numeric, 10)
 ORDER BY c.relpages DESC

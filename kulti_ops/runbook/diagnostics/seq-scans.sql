-- title: large tables are rarely read from end to end
-- group: database
-- when: The database is busy and no single query looks slow.
-- param: seq_min_rows = 10000
-- verdict: million_rows_per_day >=
-- warn: 5000
-- noun: tables
-- evidence: SELECT count(*) AS examined, (SELECT coalesce(d.stats_reset, pg_postmaster_start_time())
--   FROM pg_stat_database d WHERE d.datname = current_database()) AS statistics_since
--   FROM pg_stat_user_tables
-- finding: sequential scans read {million_rows_per_day} million rows per day of {table_name} ({scans} scans)
-- explanation: Rows that sequential scans read, per day since the statistics began (less than a day
--   counts as one): that weighs many scans of a small table against few of a large one. Backups
--   read every table once.
-- next: kulti-ops runbook check slow-statements missing-fk-indexes
SELECT s.schemaname || '.' || s.relname AS table_name, greatest(c.reltuples::bigint, s.n_live_tup) AS rows_estimate,
       s.seq_scan AS scans, s.seq_tup_read AS rows_read, s.idx_scan AS index_scans,
       round((s.seq_tup_read / 1e6 / a.days)::numeric, 1) AS million_rows_per_day
  FROM pg_stat_user_tables s
  JOIN pg_class c ON c.oid = s.relid
 CROSS JOIN (
    SELECT greatest(1, extract(epoch FROM now() - coalesce(d.stats_reset, pg_postmaster_start_time())) / 86400) AS days
      FROM pg_stat_database d WHERE d.datname = current_database()
 ) a
 WHERE greatest(c.reltuples, s.n_live_tup) >= coalesce(nullif(current_setting('kulti_ops.seq_min_rows', true), '')::bigint, 10000)
 ORDER BY s.seq_tup_read DESC

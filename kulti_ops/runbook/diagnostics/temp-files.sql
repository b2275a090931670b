-- title: few queries spill to disk
-- group: database
-- when: The disk is busy or fills up for minutes and empties again.
-- verdict: gb_per_day >=
-- warn: 10
-- crit: 100
-- finding: queries wrote {gb_per_day} GB of temporary files per day
-- explanation: Sorts and hashes that don't fit into work_mem go to disk. The average runs since the
--   statistics were reset or the server started; less than a day counts as one.
-- next: kulti-ops runbook check slow-statements
SELECT d.datname AS database, d.temp_files, d.temp_bytes,
       coalesce(d.stats_reset, pg_postmaster_start_time()) AS since,
       round((d.temp_bytes / 1e9 / greatest(1, extract(epoch FROM now()
              - coalesce(d.stats_reset, pg_postmaster_start_time())) / 86400))::numeric, 2) AS gb_per_day
  FROM pg_stat_database d
 WHERE d.datname = current_database()

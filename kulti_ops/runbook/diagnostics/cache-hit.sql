-- title: reads come from memory
-- group: database
-- when: Everything is somewhat slow and the disk is busy.
-- param: blks_hit_before = 0
-- param: blks_read_before = 0
-- param: cache_min_blocks = 10000
-- verdict: hit_percent <
-- warn: 90
-- crit: 70
-- triage: 60
-- noun: databases with enough reads to judge
-- evidence: SELECT count(*) FILTER (WHERE d.blks_hit + d.blks_read
--   - coalesce(nullif(current_setting('kulti_ops.blks_hit_before', true), '')::bigint, 0)
--   - coalesce(nullif(current_setting('kulti_ops.blks_read_before', true), '')::bigint, 0)
--   >= coalesce(nullif(current_setting('kulti_ops.cache_min_blocks', true), '')::bigint, 10000))
--   AS examined, min(d.stats_reset) AS statistics_since
--   FROM pg_stat_database d WHERE d.datname = current_database()
-- finding: only {hit_percent} % of the blocks were found in memory ({blks_read} read from disk)
-- explanation: The share of block reads that PostgreSQL's own cache answered. The counters run
--   since the statistics were reset: `check` judges that whole time, `triage` the difference of
--   two samples. Fewer blocks than cache_min_blocks are not judged. A low share means that the
--   working set has outgrown memory, or that a new query reads whole tables.
-- next: kulti-ops runbook check seq-scans slow-statements
SELECT d.datname AS database, d.blks_hit, d.blks_read,
       CASE WHEN n.blocks >= coalesce(nullif(current_setting('kulti_ops.cache_min_blocks', true), '')::bigint, 10000)
            THEN round(100.0 * n.hit / n.blocks, 2) END AS hit_percent
  FROM pg_stat_database d
 CROSS JOIN LATERAL (
    SELECT d.blks_hit - coalesce(nullif(current_setting('kulti_ops.blks_hit_before', true), '')::bigint, 0),
           d.blks_hit + d.blks_read
           - coalesce(nullif(current_setting('kulti_ops.blks_hit_before', true), '')::bigint, 0)
           - coalesce(nullif(current_setting('kulti_ops.blks_read_before', true), '')::bigint, 0)
 ) AS n (hit, blocks)
 WHERE d.datname = current_database()
   AND n.blocks >= coalesce(nullif(current_setting('kulti_ops.cache_min_blocks', true), '')::bigint, 10000)

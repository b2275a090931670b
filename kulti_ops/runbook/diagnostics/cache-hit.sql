-- title: reads come from memory
-- group: database
-- when: Everything is somewhat slow and the disk is busy.
-- requires: pg_catalog.pg_stat_io
-- param: blks_hit_before = 0
-- param: blks_read_before = 0
-- param: cache_min_blocks = 10000
-- param: cache_min_blocks_between_samples = 2000
-- verdict: hit_percent <
-- warn: 90
-- crit: 70
-- triage: 60
-- noun: readers with enough reads to judge
-- evidence: SELECT count(*) FILTER (WHERE n.hits + n.reads >= n.least AND n.dumps = 0) AS examined,
--   max(n.dumps) AS dumps_running, min(n.stats_reset) AS statistics_since
--   FROM (
--   SELECT sum(i.hits) - coalesce(nullif(current_setting('kulti_ops.blks_hit_before', true), '')::bigint, 0) AS hits,
--   sum(i.reads) - coalesce(nullif(current_setting('kulti_ops.blks_read_before', true), '')::bigint, 0) AS reads,
--   CASE WHEN coalesce(nullif(current_setting('kulti_ops.blks_hit_before', true), '')::bigint, 0) = 0
--   THEN coalesce(nullif(current_setting('kulti_ops.cache_min_blocks', true), '')::bigint, 10000)
--   ELSE coalesce(nullif(current_setting('kulti_ops.cache_min_blocks_between_samples', true), '')::bigint, 2000)
--   END AS least,
--   min(i.stats_reset) AS stats_reset,
--   (SELECT count(*) FROM pg_stat_activity a
--   WHERE a.application_name = 'pg_dump' OR a.application_name LIKE 'kulti-ops backup%') AS dumps
--   FROM pg_stat_io i
--   WHERE i.backend_type = 'client backend' AND i.object = 'relation' AND i.context = 'normal'
--   ) n
-- finding: only {hit_percent} % of the blocks that clients wanted were in memory ({blks_read} read from disk)
-- explanation: The share of clients' block reads that PostgreSQL's own cache answered. Scans of
--   whole large tables, VACUUM and its like have buffers of their own and are not counted; nothing
--   is judged while a dump reads everything. The counters run since the statistics were reset:
--   `check` judges that whole time, `triage` the difference of two samples. Fewer blocks than
--   cache_min_blocks (or cache_min_blocks_between_samples) are not judged. A low share means that
--   the working set has outgrown memory. The figures are the whole server's.
-- next: kulti-ops runbook check seq-scans slow-statements
SELECT c.readers, c.blks_hit, c.blks_read,
       CASE WHEN c.hits + c.reads >= c.least AND c.dumps = 0
            THEN round(100.0 * c.hits / (c.hits + c.reads), 2) END AS hit_percent
  FROM (
    SELECT 'client backends' AS readers, sum(i.hits)::bigint AS blks_hit, sum(i.reads)::bigint AS blks_read,
           sum(i.hits) - coalesce(nullif(current_setting('kulti_ops.blks_hit_before', true), '')::bigint, 0) AS hits,
           sum(i.reads) - coalesce(nullif(current_setting('kulti_ops.blks_read_before', true), '')::bigint, 0) AS reads,
           CASE WHEN coalesce(nullif(current_setting('kulti_ops.blks_hit_before', true), '')::bigint, 0) = 0
                THEN coalesce(nullif(current_setting('kulti_ops.cache_min_blocks', true), '')::bigint, 10000)
                ELSE coalesce(nullif(current_setting('kulti_ops.cache_min_blocks_between_samples', true), '')::bigint, 2000)
           END AS least,
           (SELECT count(*) FROM pg_stat_activity a
             WHERE a.application_name = 'pg_dump' OR a.application_name LIKE 'kulti-ops backup%') AS dumps
      FROM pg_stat_io i
     WHERE i.backend_type = 'client backend' AND i.object = 'relation' AND i.context = 'normal'
  ) c
 WHERE c.hits + c.reads > 0

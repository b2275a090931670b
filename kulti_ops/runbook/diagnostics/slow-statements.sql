-- title: statements answer quickly on average
-- group: database
-- when: The application is slow and you want to know which statement to look at.
-- requires: extension pg_stat_statements, role pg_read_all_stats
-- param: min_calls = 10
-- verdict: mean_ms >=
-- warn: 500
-- crit: 5000
-- noun: statements
-- evidence: SELECT (SELECT count(*) FROM pg_stat_statements) AS examined,
--   i.dealloc AS evictions, i.stats_reset AS statistics_since FROM pg_stat_statements_info i
-- finding: a statement of role {role} takes {mean_ms} ms on average ({calls} calls, {total_s} s in all)
-- explanation: Statements that were called at least min_calls times, the most total time first.
--   Texts come without their constants. Many evictions mean that rare statements are not seen.
--   Statements of all roles count: the API's traffic runs as anon and authenticated. The
--   runbook's own and those of dumps are left out: they read whole tables by design.
-- next: kulti-ops runbook check seq-scans missing-fk-indexes
SELECT coalesce(r.rolname::text, s.userid::text) AS role, s.calls,
       round(s.mean_exec_time::numeric, 1) AS mean_ms,
       round(s.total_exec_time::numeric / 1000, 1) AS total_s,
       s.rows, s.queryid,
       left(regexp_replace(regexp_replace(s.query, '''[^'']*''', '''…''', 'g'), '\s+', ' ', 'g'), 200) AS query
  FROM pg_stat_statements s
  LEFT JOIN pg_roles r ON r.oid = s.userid
 WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
   AND s.calls >= coalesce(nullif(current_setting('kulti_ops.min_calls', true), '')::bigint, 10)
   AND s.query NOT LIKE '/* kulti-ops %' AND s.query !~ '^COPY .* TO stdout'
 ORDER BY s.total_exec_time DESC
 LIMIT 50

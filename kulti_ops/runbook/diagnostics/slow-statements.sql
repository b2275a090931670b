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
--   (xpath('/row/dealloc/text()', i.facts))[1]::text::bigint AS evictions,
--   (xpath('/row/stats_reset/text()', i.facts))[1]::text::timestamptz AS statistics_since
--   FROM (SELECT CASE WHEN to_regclass('pg_stat_statements_info') IS NOT NULL
--   THEN query_to_xml('SELECT * FROM pg_stat_statements_info', false, true, '') END) AS i (facts)
-- finding: a statement of role {role} takes {mean_ms} ms on average ({calls} calls, {total_s} s in all)
-- explanation: Statements that were called at least min_calls times: the fifty of the most total time,
--   and the fifty slowest on average; the most total time first. Texts come without their constants. Many evictions mean that rare statements are not seen.
--   Statements of all roles count: the API's traffic runs as anon and authenticated. The
--   runbook's own and those of dumps are left out: they read whole tables by design.
-- next: kulti-ops runbook check seq-scans missing-fk-indexes
SELECT coalesce(r.rolname::text, s.userid::text) AS role, s.calls,
       round(s.mean_ms::numeric, 1) AS mean_ms,
       round(s.total_ms::numeric / 1000, 1) AS total_s,
       s.rows, s.queryid,
       left(regexp_replace(regexp_replace(s.query, '''[^'']*(''|$)', '''…''', 'g'), '\s+', ' ', 'g'), 200) AS query
  FROM (
    SELECT p.*, row_number() OVER (ORDER BY p.total_ms DESC) AS by_total, row_number() OVER (ORDER BY p.mean_ms DESC) AS by_mean
      FROM (
        -- the extension renamed its columns; an upgraded server may have the old ones
        SELECT t.userid, t.calls, t.rows, t.queryid, t.query,
               coalesce(j.facts ->> 'mean_exec_time', j.facts ->> 'mean_time')::double precision AS mean_ms,
               coalesce(j.facts ->> 'total_exec_time', j.facts ->> 'total_time')::double precision AS total_ms
          FROM pg_stat_statements t
         CROSS JOIN LATERAL to_jsonb(t) AS j (facts)
         WHERE t.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
           AND t.calls >= coalesce(nullif(current_setting('kulti_ops.min_calls', true), '')::bigint, 10)
           AND t.query NOT LIKE '/* kulti-ops %' AND t.query !~ '^COPY .* TO stdout'
      ) p
  ) s
  LEFT JOIN pg_roles r ON r.oid = s.userid
 WHERE s.by_total <= 50 OR s.by_mean <= 50
 ORDER BY s.total_ms DESC

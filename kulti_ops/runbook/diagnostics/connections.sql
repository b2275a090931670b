-- title: connections are well below the limit
-- group: database
-- when: The application says "too many connections" or "remaining connection slots are reserved",
--   requests time out while the database is idle, or a deploy has doubled the pools.
-- requires: role pg_read_all_stats
-- verdict: used_percent >=
-- warn: 80
-- crit: 90
-- triage: 20
-- noun: connections
-- evidence: SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS examined,
--   current_setting('max_connections')::int AS max_connections,
--   current_setting('superuser_reserved_connections')::int
--   + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved
-- finding: {connections} of {usable} usable connections are taken ({used_percent} %)
-- explanation: The first row is the total against the real limit: max_connections without the
--   slots that are reserved for superusers. The other rows say who holds them, by role,
--   application and state; many `idle` of one application are a pool that is too large or leaks.
-- next: kulti-ops runbook check idle-in-transaction long-queries blocking
WITH limits AS (
    SELECT current_setting('max_connections')::int
           - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true)::int, 0) AS usable
)
SELECT CASE WHEN grouping(a.usename) = 1 THEN '(all)' ELSE a.usename END AS role,
       a.application_name AS application, a.state,
       count(*) AS connections,
       max(now() - a.state_change) FILTER (WHERE a.state = 'idle') AS longest_idle,
       CASE WHEN grouping(a.usename) = 1 THEN l.usable END AS usable,
       CASE WHEN grouping(a.usename) = 1 THEN round(100.0 * count(*) / l.usable, 1) END AS used_percent
  FROM pg_stat_activity a CROSS JOIN limits l
 WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
 GROUP BY GROUPING SETS ((l.usable), (l.usable, a.usename, a.application_name, a.state))
 ORDER BY grouping(a.usename) DESC, count(*) DESC

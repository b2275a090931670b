-- title: no query has been running for long
-- group: database
-- when: The database is busy, pages are slow, or one query may be eating the machine.
-- requires: role pg_read_all_stats
-- verdict: running_s >=
-- warn: 60
-- crit: 300
-- triage: 40
-- noun: sessions
-- evidence: SELECT count(*) AS examined, count(*) FILTER (WHERE state = 'disabled') AS unexamined
--   FROM pg_stat_activity WHERE backend_type = 'client backend'
-- finding: pid {pid} ({application}, role {role}) has been running one query for {running_s} s
-- explanation: Active statements of clients, the longest first. Left out: this connection,
--   replication (always active), parallel workers (their leader stands for them), dumps (they
--   are long by nature), and those who wait for a lock (`blocking` names their cause). Texts of
--   literals are replaced by '…'.
-- next: psql "$DATABASE_URL" -c 'SELECT pg_cancel_backend({pid})'
SELECT a.pid, a.usename AS role, a.application_name AS application, a.datname AS database,
       round(extract(epoch FROM clock_timestamp() - a.query_start)::numeric, 1) AS running_s,
       a.wait_event_type AS waits_for,
       left(regexp_replace(a.query, '''[^'']*(''|$)', '''…''', 'g'), 200) AS query
  FROM pg_stat_activity a
 WHERE a.backend_type = 'client backend' AND a.state = 'active' AND a.leader_pid IS NULL
   AND a.pid <> pg_backend_pid()
   AND a.wait_event_type IS DISTINCT FROM 'Lock'
   AND a.application_name <> 'pg_dump' AND a.application_name NOT LIKE 'kulti-ops %'
 ORDER BY running_s DESC NULLS LAST

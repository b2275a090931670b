-- title: no transaction has been open for long
-- group: database
-- when: Tables grow without reason, VACUUM does not help, or locks are not given back.
-- requires: role pg_read_all_stats
-- verdict: open_s >=
-- warn: 300
-- crit: 1800
-- triage: 45
-- noun: sessions
-- evidence: SELECT count(*) AS examined, count(*) FILTER (WHERE state = 'disabled') AS unexamined
--   FROM pg_stat_activity WHERE backend_type = 'client backend'
-- finding: pid {pid} ({application}, role {role}, {state}) has had a transaction open for {open_s} s
-- explanation: A transaction keeps its locks, and keeps dead rows from being removed, until it
--   ends. Left out: dumps, replication, this connection, and those who wait for a lock
--   (`blocking` names their cause).
-- next: psql "$DATABASE_URL" -c 'SELECT pg_terminate_backend({pid})'
SELECT a.pid, a.usename AS role, a.application_name AS application, a.datname AS database, a.state,
       round(extract(epoch FROM clock_timestamp() - a.xact_start)::numeric, 1) AS open_s,
       a.backend_xid IS NOT NULL AS has_written,
       left(regexp_replace(a.query, '''[^'']*(''|$)', '''…''', 'g'), 200) AS last_query
  FROM pg_stat_activity a
 WHERE a.backend_type = 'client backend' AND a.xact_start IS NOT NULL
   AND a.pid <> pg_backend_pid() AND a.wait_event_type IS DISTINCT FROM 'Lock'
   AND a.application_name <> 'pg_dump' AND a.application_name NOT LIKE 'kulti-ops %'
 ORDER BY open_s DESC

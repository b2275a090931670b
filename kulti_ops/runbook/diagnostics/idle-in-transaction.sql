-- title: no session sits idle in a transaction
-- group: database
-- when: Locks are held by nobody in particular, VACUUM does not clean, connections pile up.
-- requires: role pg_read_all_stats
-- verdict: idle_s >=
-- warn: 60
-- crit: 300
-- triage: 30
-- noun: sessions
-- evidence: SELECT count(*) AS examined, count(*) FILTER (WHERE state = 'disabled') AS unexamined
--   FROM pg_stat_activity WHERE backend_type = 'client backend'
-- finding: pid {pid} ({application}, role {role}) has been idle in a transaction for {idle_s} s and {harm}
-- explanation: The client began a transaction and went away: a missing commit, a call to a third
--   party in between, a debugger. The age counts from its last statement. It runs nothing, so
--   cancelling does nothing: terminate it. Dumps are left out: with parallel jobs the one that
--   keeps their snapshot is idle meanwhile. To keep this from coming back set
--   idle_in_transaction_session_timeout for the role.
-- next: psql "$DATABASE_URL" -c 'SELECT pg_terminate_backend({pid})'
SELECT a.pid, a.usename AS role, a.application_name AS application, a.datname AS database, a.state,
       round(extract(epoch FROM clock_timestamp() - a.state_change)::numeric, 1) AS idle_s,
       CASE WHEN a.backend_xid IS NOT NULL THEN 'holds what it has written'
            WHEN l.n > 0 THEN 'holds locks'
            WHEN a.backend_xmin IS NOT NULL THEN 'holds VACUUM back'
            ELSE 'takes up a connection' END AS harm,
       coalesce(l.n, 0) AS relation_locks,
       left(regexp_replace(a.query, '''[^'']*(''|$)', '''…''', 'g'), 200) AS last_query
  FROM pg_stat_activity a
  LEFT JOIN (SELECT pid, count(*) AS n FROM pg_locks WHERE locktype = 'relation' GROUP BY pid) l
    ON l.pid = a.pid
 WHERE a.state LIKE 'idle in transaction%' AND a.pid <> pg_backend_pid()
   AND a.application_name <> 'pg_dump' AND a.application_name NOT LIKE 'kulti-ops %'
 ORDER BY idle_s DESC

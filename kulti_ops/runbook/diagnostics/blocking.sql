-- title: nobody waits for a lock for long
-- group: database
-- when: Requests hang while the machine is idle; an ALTER TABLE or a migration does not come back.
-- requires: role pg_read_all_stats
-- verdict: worst_wait_s >=
-- warn: 5
-- crit: 30
-- triage: 10
-- noun: sessions
-- evidence: SELECT count(*) AS examined, count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting
--   FROM pg_stat_activity WHERE backend_type = 'client backend'
-- finding: pid {root_pid} ({application}, {state}) makes {victims} wait on {object}, the longest for {worst_wait_s} s
-- explanation: One tree per root holder. Its row (depth 0) says who holds, what the first in line
--   waits for, and how many wait behind it; the rows below are those who wait, by depth. End the
--   root, not the victims. A root that is `active` can be cancelled; one that is `idle` or `idle
--   in transaction` runs nothing, so cancelling does nothing: it must be terminated. root_pid 0
--   is a prepared transaction, which only ROLLBACK PREPARED ends: `prepared-transactions`.
-- next: psql "$DATABASE_URL" -c '{remedy}'
WITH RECURSIVE waiting AS (
    SELECT DISTINCT ON (l.pid)
           l.pid, l.locktype, l.mode,
           round(extract(epoch FROM clock_timestamp()
                         - coalesce(l.waitstart, a.query_start))::numeric, 1) AS wait_s,
           CASE
             WHEN l.locktype IN ('transactionid', 'spectoken') THEN coalesce(
               (SELECT 'a row of ' || coalesce(n.nspname || '.' || c.relname, r.relation::text)
                  FROM pg_locks r
                  LEFT JOIN pg_class c ON c.oid = r.relation
                  LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE r.pid = l.pid AND r.locktype = 'tuple' LIMIT 1),
               'a row that transaction ' || l.transactionid::text || ' has written')
             WHEN l.locktype = 'tuple' THEN 'a row of ' || coalesce(n.nspname || '.' || c.relname, l.relation::text)
             WHEN l.locktype = 'advisory' THEN 'advisory lock '
               || CASE WHEN l.objsubid = 1 THEN ((l.classid::bigint << 32) | l.objid::bigint)::text
                       ELSE l.classid::text || ', ' || l.objid::text END
             WHEN l.locktype = 'virtualxid' THEN 'the end of transaction ' || l.virtualxid
             WHEN l.relation IS NOT NULL THEN coalesce(n.nspname || '.' || c.relname, 'relation ' || l.relation::text)
             ELSE l.locktype
           END AS object,
           pg_blocking_pids(l.pid) AS blockers
      FROM pg_locks l
      JOIN pg_stat_activity a ON a.pid = l.pid
      LEFT JOIN pg_class c ON c.oid = l.relation
           AND l.database IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
      LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE NOT l.granted AND a.leader_pid IS NULL AND l.pid <> pg_backend_pid()
     ORDER BY l.pid, l.waitstart
), edges AS (
    SELECT DISTINCT w.pid, b.pid AS blocker
      FROM waiting w CROSS JOIN LATERAL unnest(w.blockers) AS b (pid)
), tree AS (
    SELECT DISTINCT e.blocker AS root_pid, e.blocker AS pid, 0 AS depth, ARRAY[e.blocker] AS path
      FROM edges e
     WHERE NOT EXISTS (SELECT 1 FROM edges u WHERE u.pid = e.blocker)
    UNION ALL
    SELECT t.root_pid, e.pid, t.depth + 1, t.path || e.pid
      FROM tree t JOIN edges e ON e.blocker = t.pid
     WHERE e.pid <> ALL (t.path) AND t.depth < 20
), nodes AS (
    SELECT DISTINCT ON (root_pid, pid) root_pid, pid, depth, path
      FROM tree ORDER BY root_pid, pid, depth DESC
), totals AS (
    SELECT n.root_pid, count(*) AS victims, max(w.wait_s) AS worst_wait_s,
           (array_agg(w.object ORDER BY n.depth, w.wait_s DESC))[1] AS object,
           (array_agg(w.mode ORDER BY n.depth, w.wait_s DESC))[1] AS lock
      FROM nodes n JOIN waiting w ON w.pid = n.pid
     WHERE n.depth > 0 GROUP BY n.root_pid
)
SELECT n.root_pid, n.pid, n.depth,
       CASE WHEN n.depth = 0 THEN t.victims END AS victims,
       CASE WHEN n.depth = 0 THEN t.worst_wait_s END AS worst_wait_s,
       w.wait_s,
       coalesce(w.mode, t.lock) AS lock,
       coalesce(w.object, t.object) AS object,
       CASE WHEN n.pid = 0 THEN 'prepared' ELSE a.state END AS state,
       CASE WHEN n.pid = 0 THEN 'prepared transaction' ELSE coalesce(nullif(a.application_name, ''), a.backend_type) END AS application,
       a.usename AS role,
       CASE WHEN n.depth > 0 THEN NULL
            WHEN n.pid = 0 THEN 'SELECT gid, prepared, owner, database FROM pg_prepared_xacts ORDER BY prepared'
            WHEN a.state = 'active' THEN 'SELECT pg_cancel_backend(' || n.pid || ')'
            ELSE 'SELECT pg_terminate_backend(' || n.pid || ')' END AS remedy,
       left(regexp_replace(a.query, '''[^'']*(''|$)', '''…''', 'g'), 200) AS query
  FROM nodes n
  JOIN totals t ON t.root_pid = n.root_pid
  LEFT JOIN waiting w ON w.pid = n.pid AND n.depth > 0
  LEFT JOIN pg_stat_activity a ON a.pid = n.pid
 ORDER BY t.victims DESC, n.root_pid, n.path

-- title: nothing old keeps VACUUM from cleaning
-- group: database
-- when: Dead rows grow although autovacuum runs; bloat comes back after each VACUUM.
-- requires: role pg_read_all_stats
-- verdict: age_xids >=
-- warn: 5000000
-- crit: 50000000
-- triage: 55
-- finding: {holder} {name} holds VACUUM back by {age_xids} transactions
-- explanation: Rows deleted after the oldest snapshot that somebody may still need can't be
--   removed. The holder is a session, a replication slot, a standby's feedback or a prepared
--   transaction; ending or dropping the oldest lets VACUUM go on. A VACUUM holds no other back,
--   and is left out.
-- next: kulti-ops runbook check long-transactions replication-slots prepared-transactions
SELECT h.holder, h.name, h.detail, h.age_xids
  FROM (
    SELECT 'session' AS holder, a.pid::text AS name, a.application_name AS detail,
           greatest(age(a.backend_xmin), age(a.backend_xid)) AS age_xids
      FROM pg_stat_activity a
     WHERE a.pid <> pg_backend_pid() AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
       AND a.backend_type <> 'walsender'
       AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_vacuum v WHERE v.pid = a.pid)
    UNION ALL
    SELECT 'replication slot', s.slot_name, s.plugin, greatest(age(s.xmin), age(s.catalog_xmin))
      FROM pg_replication_slots s
     WHERE s.xmin IS NOT NULL OR s.catalog_xmin IS NOT NULL
    UNION ALL
    SELECT 'standby feedback', r.pid::text, r.application_name, age(r.backend_xmin)
      FROM pg_stat_replication r WHERE r.backend_xmin IS NOT NULL
    UNION ALL
    SELECT 'prepared transaction', p.gid, p.owner::text, age(p.transaction) FROM pg_prepared_xacts p
  ) h
 ORDER BY h.age_xids DESC

-- title: every replication slot is being read
-- group: database
-- when: The disk fills up with WAL, or Realtime stopped following.
-- param: slot_max_mb = 1024
-- param: slot_max_inactive_minutes = 10
-- verdict: times_limit >=
-- warn: 1
-- crit: 10
-- triage: 50
-- finding: slot {slot_name} ({state}) keeps {retained_mb} MB of WAL ({wal_status}); {reader}
-- explanation: A slot keeps WAL until its reader has read it: one without a reader fills the disk.
--   Judged is the larger of retained WAL against slot_max_mb and the time without a reader
--   against slot_max_inactive_minutes (before PostgreSQL 17 the server does not tell that time:
--   an inactive slot then counts as one limit). wal_status `lost` means that the reader can't
--   catch up any more. If it is Realtime's, restart Realtime before you drop anything.
-- next: psql "$DATABASE_URL" -c "{remedy}"
SELECT s.slot_name::text AS slot_name, s.slot_type, s.plugin::text AS plugin,
       CASE WHEN s.active THEN 'active' ELSE 'inactive' END AS state, s.active_pid, s.wal_status,
       round(r.bytes / 1e6, 1) AS retained_mb, round(s.safe_wal_size / 1e6, 1) AS safe_mb,
       round(i.minutes, 1) AS inactive_minutes,
       round(greatest(
         r.bytes / 1e6 / coalesce(nullif(current_setting('kulti_ops.slot_max_mb', true), '')::numeric, 1024),
         CASE WHEN s.wal_status = 'lost' THEN 100
              WHEN s.active THEN 0
              WHEN i.minutes IS NULL THEN 1
              ELSE i.minutes / greatest(0.000001, coalesce(
                nullif(current_setting('kulti_ops.slot_max_inactive_minutes', true), '')::numeric, 10)) END
       ), 2) AS times_limit,
       CASE WHEN s.active THEN 'process ' || s.active_pid || ' reads it, and is behind'
            WHEN i.minutes IS NULL THEN 'nobody reads it'
            ELSE 'nobody has read it for ' || round(i.minutes, 1) || ' minutes' END AS reader,
       CASE WHEN s.active THEN
              'SELECT state, sent_lsn, replay_lsn, reply_time FROM pg_stat_replication WHERE pid = ' || s.active_pid
            ELSE format('SELECT pg_drop_replication_slot(%L)', s.slot_name) END AS remedy
  FROM pg_replication_slots s
 CROSS JOIN LATERAL (
    SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()
                                ELSE pg_current_wal_lsn() END, s.restart_lsn)
 ) AS r (bytes)
 CROSS JOIN LATERAL (
    SELECT CASE WHEN s.active THEN 0 ELSE
           (extract(epoch FROM clock_timestamp() - (to_jsonb(s) ->> 'inactive_since')::timestamptz) / 60)::numeric END
 ) AS i (minutes)
 ORDER BY times_limit DESC

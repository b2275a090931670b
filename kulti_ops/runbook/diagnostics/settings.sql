-- title: no setting endangers the data
-- group: database
-- when: After somebody tuned the server, or when it behaves oddly.
-- verdict: danger >=
-- warn: 1
-- crit: 2
-- triage: 85
-- noun: settings
-- evidence: SELECT count(*) AS examined FROM pg_settings
-- finding: {name} = {value}: {why}
-- explanation: Settings that lose or hide data (crit), or that keep the server from looking after
--   itself (warn). Also what waits for a restart to take effect.
-- next: psql "$DATABASE_URL" -c 'SHOW {name}'
SELECT s.name, s.setting AS value, s.source, w.danger, w.why
  FROM pg_settings s
  JOIN (VALUES
    ('fsync', 'off', 2, 'a crash of the machine loses or breaks the database'),
    ('full_page_writes', 'off', 2, 'a crash of the machine can break pages'),
    ('zero_damaged_pages', 'on', 2, 'damaged pages are silently emptied'),
    ('ignore_checksum_failure', 'on', 2, 'damaged pages are read as if they were good'),
    ('default_transaction_read_only', 'on', 2, 'nobody can write: a full disk or quota does this on the platform'),
    ('autovacuum', 'off', 1, 'dead rows pile up, and transaction numbers run out'),
    ('session_replication_role', 'replica', 2, 'neither triggers nor foreign keys are in force'),
    ('track_activities', 'off', 1, 'nobody sees what sessions do: long queries are not found'),
    ('track_counts', 'off', 1, 'autovacuum sees nothing to do'),
    ('synchronous_commit', 'off', 1, 'a crash loses the last commits'),
    ('row_security', 'off', 1, 'queries under row security fail'),
    ('wal_level', 'minimal', 1, 'neither replication nor point-in-time recovery work')
  ) AS w (name, value, danger, why) ON w.name = s.name AND w.value = s.reset_val
       -- a role that reads only by its own setting says nothing about the others
       AND NOT (s.name = 'default_transaction_read_only' AND s.source IN ('user', 'database user', 'client'))
UNION ALL
SELECT s.name, s.setting, s.source, 1, 'was changed and waits for a restart'
  FROM pg_settings s
 WHERE s.pending_restart AND s.source <> 'command line'  -- which would win again
 ORDER BY danger DESC, name

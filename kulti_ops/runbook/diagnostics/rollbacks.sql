-- title: transactions rarely fail
-- group: database
-- when: The application logs database errors or deadlocks.
-- param: rollbacks_max_percent = 20
-- param: deadlocks_max_per_day = 10
-- param: rollbacks_min_transactions = 500
-- verdict: times_limit >=
-- warn: 1
-- crit: 5
-- noun: transactions, enough to judge
-- evidence: SELECT CASE WHEN d.xact_commit + d.xact_rollback
--   >= coalesce(nullif(current_setting('kulti_ops.rollbacks_min_transactions', true), '')::bigint, 500)
--   THEN d.xact_commit + d.xact_rollback ELSE 0 END AS examined, d.deadlocks, d.stats_reset AS statistics_since
--   FROM pg_stat_database d WHERE d.datname = current_database()
-- finding: {kind}: {value} {unit}, {times_limit} times the limit
-- explanation: Rollbacks as a share of all transactions, and deadlocks per day, since the statistics
--   were reset or the server started (less than a day counts as one). Fewer transactions than
--   rollbacks_min_transactions are not judged.
-- next: kulti-ops runbook check blocking slow-statements
SELECT v.kind, v.value, v.unit, round(v.value / v.allowed, 2) AS times_limit, v.since
  FROM pg_stat_database d
 CROSS JOIN LATERAL (
    SELECT coalesce(d.stats_reset, pg_postmaster_start_time()),
           greatest(1, extract(epoch FROM now() - coalesce(d.stats_reset, pg_postmaster_start_time())) / 86400)
 ) AS age (since, days)
 CROSS JOIN LATERAL (VALUES
    ('rollbacks', round(100.0 * d.xact_rollback / greatest(1, d.xact_commit + d.xact_rollback), 1), '%',
     CASE WHEN d.xact_commit + d.xact_rollback
               >= coalesce(nullif(current_setting('kulti_ops.rollbacks_min_transactions', true), '')::bigint, 500)
          THEN coalesce(nullif(current_setting('kulti_ops.rollbacks_max_percent', true), '')::numeric, 20) END,
     age.since),
    ('deadlocks', round(d.deadlocks / age.days, 1), 'per day',
     coalesce(nullif(current_setting('kulti_ops.deadlocks_max_per_day', true), '')::numeric, 10), age.since)
 ) AS v (kind, value, unit, allowed, since)
 WHERE d.datname = current_database()
 ORDER BY times_limit DESC NULLS LAST

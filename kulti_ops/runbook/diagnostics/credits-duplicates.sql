-- title: nothing was paid twice
-- group: business
-- when: Balances are too high after sessions were ended twice, or a client retried.
-- requires: public.credit_transactions
-- param: duplicates_within_days = 30
-- verdict: count
-- warn: 1
-- crit: 50
-- noun: rows of the ledger in that time
-- evidence: SELECT count(*) AS examined FROM public.credit_transactions
--   WHERE created_at >= coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())
--   - make_interval(days => coalesce(nullif(current_setting('kulti_ops.duplicates_within_days', true), '')::integer, 30))
-- finding: user {user_id} was paid {amount} {times} times as {type} for the same thing
-- explanation: Rows of one user with the same type, amount, session and metadata, one within a day of
--   another where a session pays, within ten seconds (a client that asks again) elsewhere. Same
--   amounts alone prove nothing: two tips of ten are two tips, and a session pays many the same.
-- next: kulti-ops runbook check credits-session-mismatch credits-unmatched-tips
SELECT r.user_id, r.type, r.amount, r.source_session_id, count(*) AS times,
       min(r.created_at) AS first_at, max(r.created_at) AS last_at
  FROM (
    SELECT t.user_id, t.type, t.amount, t.source_session_id, t.metadata, t.created_at,
           least(t.created_at - lag(t.created_at) OVER alike, lead(t.created_at) OVER alike - t.created_at) AS apart,
           CASE WHEN t.source_session_id IS NOT NULL AND t.type !~ '^(spent|received)_'
                THEN interval '1 day' ELSE interval '10 seconds' END AS within
      FROM public.credit_transactions t
     WHERE t.created_at >= coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())
           - make_interval(days => coalesce(nullif(current_setting('kulti_ops.duplicates_within_days', true), '')::integer, 30))
       AND t.type <> 'admin_adjustment'
    WINDOW alike AS (PARTITION BY t.user_id, t.type, t.amount, t.source_session_id, t.metadata ORDER BY t.created_at)
  ) r
 WHERE r.apart < r.within
 GROUP BY r.user_id, r.type, r.amount, r.source_session_id, r.metadata
 ORDER BY count(*) DESC, max(r.created_at) DESC

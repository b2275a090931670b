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
-- explanation: Rows of one user with the same type, amount, session and metadata within a day. Same
--   amounts alone prove nothing: two tips of ten are two tips, and a session pays many the same.
-- next: kulti-ops runbook check credits-session-mismatch credits-unmatched-tips
SELECT t.user_id, t.type, t.amount, t.source_session_id, count(*) AS times,
       min(t.created_at) AS first_at, max(t.created_at) AS last_at
  FROM public.credit_transactions t
 WHERE t.created_at >= coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())
       - make_interval(days => coalesce(nullif(current_setting('kulti_ops.duplicates_within_days', true), '')::integer, 30))
   AND t.type <> 'admin_adjustment'
 GROUP BY t.user_id, t.type, t.amount, t.source_session_id, t.metadata
HAVING count(*) > 1 AND max(t.created_at) - min(t.created_at) < interval '1 day'
   AND (t.source_session_id IS NOT NULL OR max(t.created_at) - min(t.created_at) < interval '10 seconds')
 ORDER BY count(*) DESC, max(t.created_at) DESC

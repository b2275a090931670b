-- title: what the ledger wrote lately
-- group: business
-- when: In an incident with credits: is it still going on?
-- requires: public.credit_transactions
-- param: recent_hours = 1
-- verdict: info
-- noun: rows of the ledger in that time
-- explanation: Rows of the last recent_hours by type, with their sum and the largest. Nothing at all
--   in a busy hour means that paying is broken.
-- next: kulti-ops runbook check --group business
SELECT t.type, count(*) AS payments, count(DISTINCT t.user_id) AS users, sum(t.amount) AS credits,
       max(abs(t.amount)) AS largest, max(t.created_at) AS newest_at
  FROM public.credit_transactions t
 WHERE t.created_at >= coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())
       - make_interval(hours => coalesce(nullif(current_setting('kulti_ops.recent_hours', true), '')::integer, 1))
 GROUP BY t.type
 ORDER BY payments DESC

-- title: credits
-- group: business
-- when: Daily, and to know how normal today is.
-- requires: public.credit_transactions
-- verdict: info
-- noun: rows of the ledger
-- explanation: The ledger by type: payments, users, credits given and taken, the last day's and week's.
-- next: kulti-ops runbook check credits-recent credits-implausible
SELECT t.type, count(*) AS payments, count(DISTINCT t.user_id) AS users, sum(t.amount) AS credits,
       count(*) FILTER (WHERE t.created_at >= w.now - interval '1 day') AS in_a_day,
       count(*) FILTER (WHERE t.created_at >= w.now - interval '7 days') AS in_a_week
  FROM public.credit_transactions t
 CROSS JOIN (SELECT coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now()) AS now) w
 GROUP BY t.type
 ORDER BY payments DESC

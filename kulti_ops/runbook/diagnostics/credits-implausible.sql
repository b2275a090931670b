-- title: no balance and no payment is implausible
-- group: business
-- when: After an incident with credits; when somebody tips sums nobody earns.
-- requires: public.profiles, public.credit_transactions, public.credit_milestones
-- param: credits_max_balance = 10000
-- param: credits_max_amount = 15000
-- verdict: count
-- warn: 1
-- crit: 20
-- noun: profiles
-- evidence: SELECT count(*) AS examined FROM public.profiles
-- finding: {what} of user {user_id}: {amount}
-- explanation: Balances above credits_max_balance that the largest milestones (15,000) don't explain,
--   and single rows of the ledger above credits_max_amount. A finding is a question, not a proof.
-- next: kulti-ops runbook check credits-balance-mismatch credits-milestones credits-recent
SELECT 'balance' AS what, p.id AS user_id, p.credits_balance::bigint AS amount, p.credits_updated_at AS at
  FROM public.profiles p
  LEFT JOIN (SELECT user_id, sum(credits_awarded) AS awarded FROM public.credit_milestones GROUP BY user_id) m
    ON m.user_id = p.id
 WHERE p.credits_balance - coalesce(m.awarded, 0)
       > coalesce(nullif(current_setting('kulti_ops.credits_max_balance', true), '')::integer, 10000)
UNION ALL
SELECT 'payment ' || t.type, t.user_id, t.amount, t.created_at
  FROM public.credit_transactions t
 WHERE abs(t.amount) > coalesce(nullif(current_setting('kulti_ops.credits_max_amount', true), '')::integer, 15000)
 ORDER BY amount DESC

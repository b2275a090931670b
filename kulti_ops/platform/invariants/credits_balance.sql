-- title: every balance equals the ledger
-- group: credits
-- source: platform 3 (a)
-- requires: public.profiles, public.credit_transactions
-- explanation: A user's balance is the sum of the ledger's amounts and the balance_after of
--   the newest row. Rows of one transaction share created_at, so the newest may be several:
--   one of them must carry the balance.
SELECT p.id AS user_id,
       p.credits_balance,
       coalesce(l.total, 0) AS ledger_sum,
       l.newest AS newest_balance_after
  FROM public.profiles p
  LEFT JOIN (
    SELECT user_id,
           sum(amount) AS total,
           array_agg(balance_after) FILTER (WHERE created_at = newest_at) AS newest
      FROM (SELECT user_id, amount, balance_after, created_at,
                   max(created_at) OVER (PARTITION BY user_id) AS newest_at
              FROM public.credit_transactions) t
     GROUP BY user_id
  ) l ON l.user_id = p.id
 WHERE p.credits_balance IS DISTINCT FROM coalesce(l.total, 0)
    OR NOT coalesce(p.credits_balance = ANY (l.newest), p.credits_balance = 0)

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
       l.newest_at AS newest_row_at
  FROM public.profiles p
  LEFT JOIN (
    SELECT user_id, sum(amount) AS total, max(created_at) AS newest_at
      FROM public.credit_transactions GROUP BY user_id
  ) l ON l.user_id = p.id
 WHERE p.credits_balance IS DISTINCT FROM coalesce(l.total, 0)
    OR (l.user_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM public.credit_transactions t
                         WHERE t.user_id = p.id AND t.created_at = l.newest_at
                           AND t.balance_after = p.credits_balance))

-- title: every balance equals the ledger
-- group: credits
-- source: platform 3 (a)
-- requires: public.profiles, public.credit_transactions
-- explanation: A user's balance is the sum of the ledger's amounts and the balance_after of
--   the newest row. Rows of one transaction share created_at, and of two that overlapped the
--   later may have been first at the balance: one of the rows of the last 10 s (what one request
--   may take at most) before the newest must carry the balance.
SELECT p.id AS user_id,
       p.credits_balance,
       coalesce(sum(t.amount), 0) AS ledger_sum,
       max(t.created_at) AS newest_row_at
  FROM public.profiles p
  LEFT JOIN public.credit_transactions t ON t.user_id = p.id
 GROUP BY p.id, p.credits_balance
HAVING p.credits_balance IS DISTINCT FROM coalesce(sum(t.amount), 0)
    OR (count(t.user_id) > 0
        AND (max(t.created_at) - max(t.created_at) FILTER (WHERE t.balance_after = p.credits_balance)
             < interval '10 seconds') IS NOT TRUE)

-- title: earned and spent totals equal the ledger
-- group: credits
-- source: platform 3 (b)
-- requires: public.profiles, public.credit_transactions
-- explanation: total_credits_earned is the sum of the positive amounts, total_credits_spent
--   that of the negative ones without its sign.
SELECT p.id AS user_id,
       p.total_credits_earned,
       coalesce(l.earned, 0) AS ledger_earned,
       p.total_credits_spent,
       coalesce(l.spent, 0) AS ledger_spent
  FROM public.profiles p
  LEFT JOIN (
    SELECT user_id,
           sum(amount) FILTER (WHERE amount > 0) AS earned,
           -sum(amount) FILTER (WHERE amount < 0) AS spent
      FROM public.credit_transactions GROUP BY user_id
  ) l ON l.user_id = p.id
 WHERE p.total_credits_earned IS DISTINCT FROM coalesce(l.earned, 0)
    OR p.total_credits_spent IS DISTINCT FROM coalesce(l.spent, 0)

-- title: nothing is negative
-- group: credits
-- source: platform 3 (d)
-- requires: public.profiles, public.credit_transactions
-- explanation: Checks forbid it, so a finding also says that a check is missing.
SELECT 'profile' AS kind, id, credits_balance AS balance, total_credits_earned AS earned,
       total_credits_spent AS spent
  FROM public.profiles
 WHERE credits_balance < 0 OR total_credits_earned < 0 OR total_credits_spent < 0
UNION ALL
SELECT 'transaction', id, balance_after, NULL, NULL
  FROM public.credit_transactions
 WHERE balance_after < 0

-- title: the ledger's running balance has no break
-- group: credits
-- source: platform 3 (c)
-- requires: public.credit_transactions
-- explanation: In the order of time each balance_after is the one before plus the amount,
--   from 0 on. Rows with the same created_at (several milestones of one transaction) may
--   follow each other in any order that fits: each must start where the rows before, or
--   another row of that instant, ended, and end where another starts or the instant ends.
--   One row per user: the first break.
SELECT DISTINCT ON (user_id)
       user_id, id AS transaction_id, created_at, amount, balance_after,
       sum_until - amount_at_instant AS balance_before_instant,
       sum_until AS balance_after_instant
  FROM (
    SELECT t.*,
           sum(amount) OVER (PARTITION BY user_id ORDER BY created_at) AS sum_until,
           sum(amount) OVER instant AS amount_at_instant,
           count(*) OVER instant AS rows_at_instant,
           array_agg(balance_after) OVER instant AS ends,
           array_agg(balance_after - amount) OVER instant AS starts
      FROM public.credit_transactions t
    WINDOW instant AS (PARTITION BY user_id, created_at)
  ) chain
 WHERE CASE WHEN rows_at_instant = 1 THEN balance_after <> sum_until
            ELSE NOT (balance_after - amount = sum_until - amount_at_instant
                      OR balance_after - amount = ANY (ends))
              OR NOT (balance_after = sum_until OR balance_after = ANY (starts))
       END
 ORDER BY user_id, created_at, id

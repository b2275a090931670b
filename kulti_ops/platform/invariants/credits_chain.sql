-- title: the ledger's running balance has no break
-- group: credits
-- source: platform 3 (c)
-- requires: public.credit_transactions
-- explanation: In the order of time each balance_after is the one before plus the amount,
--   from 0 on. Rows with the same created_at (several milestones of one transaction) may
--   follow each other in any order that fits: each must start where the rows before, or
--   another row of that instant, ended, and end where another starts or the instant ends.
--   One row per user: the first break.
SELECT DISTINCT ON (c.user_id)
       c.user_id, c.id AS transaction_id, c.created_at, c.amount, c.balance_after,
       c.sum_until - c.amount_at_instant AS balance_before_instant,
       c.sum_until AS balance_after_instant
  FROM (
    SELECT t.id, t.user_id, t.created_at, t.amount, t.balance_after,
           sum(t.amount) OVER (PARTITION BY t.user_id ORDER BY t.created_at) AS sum_until,
           sum(t.amount) OVER instant AS amount_at_instant,
           count(*) OVER instant AS rows_at_instant
      FROM public.credit_transactions t
    WINDOW instant AS (PARTITION BY t.user_id, t.created_at)
  ) c
 WHERE CASE WHEN c.rows_at_instant = 1 THEN c.balance_after <> c.sum_until
            ELSE NOT (c.balance_after - c.amount = c.sum_until - c.amount_at_instant
                      OR EXISTS (SELECT 1 FROM public.credit_transactions o
                                  WHERE o.user_id = c.user_id AND o.created_at = c.created_at
                                    AND o.id <> c.id
                                    AND o.balance_after = c.balance_after - c.amount))
              OR NOT (c.balance_after = c.sum_until
                      OR EXISTS (SELECT 1 FROM public.credit_transactions o
                                  WHERE o.user_id = c.user_id AND o.created_at = c.created_at
                                    AND o.id <> c.id
                                    AND o.balance_after - o.amount = c.balance_after))
       END
 ORDER BY c.user_id, c.created_at, c.id

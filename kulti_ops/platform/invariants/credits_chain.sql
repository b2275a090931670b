-- title: the ledger's running balance has no break
-- group: credits
-- source: platform 3 (c)
-- requires: public.credit_transactions
-- explanation: In the order of time each balance_after is the one before plus the amount,
--   from 0 on. Rows with the same created_at (several milestones of one transaction) may
--   follow each other in any order that fits: each must start where the rows before, or
--   another row of that instant, ended, and end where another starts or the instant ends.
--   One row per user: the first break. Whose rows are a chain in the order of time holds the
--   rule, which one sort tells; only the other users' rows are looked at one by one.
WITH suspects AS (
    SELECT user_id
      FROM public.credit_transactions
     GROUP BY user_id
    HAVING array_agg(balance_after::bigint - amount ORDER BY created_at, balance_after)
           IS DISTINCT FROM trim_array(
               0::bigint || array_agg(balance_after::bigint ORDER BY created_at, balance_after), 1)
)
SELECT DISTINCT ON (c.user_id)
       c.user_id, c.id AS transaction_id, c.created_at, c.amount, c.balance_after,
       c.sum_until - c.amount_at_instant AS balance_before_instant,
       c.sum_until AS balance_after_instant
  FROM (
    SELECT t.id, t.user_id, t.created_at, t.amount, t.balance_after,
           t.balance_after::bigint - t.amount AS starts_at,
           t.balance_after::bigint AS ends_at,
           -- a row of nothing starts and ends at the same: it must not be its own neighbour
           (t.amount = 0)::integer AS itself,
           sum(t.amount) OVER (PARTITION BY t.user_id ORDER BY t.created_at) AS sum_until,
           sum(t.amount) OVER instant AS amount_at_instant,
           array_agg(t.balance_after::bigint - t.amount) OVER instant AS starts,
           array_agg(t.balance_after::bigint) OVER instant AS ends
      FROM public.credit_transactions t
     WHERE t.user_id IN (SELECT s.user_id FROM suspects s)
    WINDOW instant AS (PARTITION BY t.user_id, t.created_at)
  ) c
 WHERE c.starts_at IS NULL
    OR NOT (c.starts_at = c.sum_until - c.amount_at_instant
            OR cardinality(array_positions(c.ends, c.starts_at)) > c.itself)
    OR NOT (c.ends_at = c.sum_until
            OR cardinality(array_positions(c.starts, c.ends_at)) > c.itself)
 ORDER BY c.user_id, c.created_at, c.id

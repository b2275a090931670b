-- title: the ledger's running balance has no break
-- group: credits
-- source: platform 3 (c)
-- requires: public.credit_transactions
-- explanation: In the order of time each balance_after is the one before plus the amount,
--   from 0 on. created_at is the moment a transaction began: the rows of one share it (several
--   milestones), and of two that overlapped the later may have been first at the balance. So
--   rows less than 10 s apart (what one request may take at most) may follow each other in any
--   order that fits: each starts where the rows before, or another row near it, ended, ends
--   where another starts or all of them end, and no balance is left twice that was reached
--   once. One row per user: the first break. Whose rows are a chain in the order of time holds
--   the rule, which one sort tells; only the other users' rows are looked at one by one.
WITH suspects AS (
    SELECT user_id
      FROM public.credit_transactions
     GROUP BY user_id
    HAVING array_agg(balance_after::bigint - amount ORDER BY created_at, balance_after)
           IS DISTINCT FROM trim_array(
               0::bigint || array_agg(balance_after::bigint ORDER BY created_at, balance_after), 1)
), apart AS (
    SELECT t.id, t.user_id, t.created_at, t.amount, t.balance_after,
           t.created_at - lag(t.created_at) OVER (PARTITION BY t.user_id ORDER BY t.created_at)
               >= interval '10 seconds' AS begins
      FROM public.credit_transactions t
     WHERE t.user_id IN (SELECT s.user_id FROM suspects s)
), clustered AS (
    SELECT a.*, count(*) FILTER (WHERE a.begins)
                    OVER (PARTITION BY a.user_id ORDER BY a.created_at) AS cluster
      FROM apart a
), neighboured AS (
    SELECT c.id, c.user_id, c.created_at, c.amount, c.balance_after,
           c.balance_after::bigint - c.amount AS starts_at,
           c.balance_after::bigint AS ends_at,
           -- a row of nothing starts and ends at the same: it must not be its own neighbour
           (c.amount = 0)::integer AS itself,
           sum(c.amount) OVER (PARTITION BY c.user_id ORDER BY c.cluster) AS after_all,
           sum(c.amount) OVER (PARTITION BY c.user_id ORDER BY c.cluster)
               - sum(c.amount) OVER near AS before_all,
           array_agg(c.balance_after::bigint - c.amount) OVER near AS starts,
           array_agg(c.balance_after::bigint) OVER near AS ends
      FROM clustered c
    WINDOW near AS (PARTITION BY c.user_id, c.cluster)
)
SELECT DISTINCT ON (n.user_id)
       n.user_id, n.id AS transaction_id, n.created_at, n.amount, n.balance_after,
       n.before_all AS balance_before_instant,
       n.after_all AS balance_after_instant
  FROM neighboured n
 WHERE n.starts_at IS NULL
    OR NOT (n.starts_at = n.before_all
            OR cardinality(array_positions(n.ends, n.starts_at)) > n.itself)
    OR NOT (n.ends_at = n.after_all
            OR cardinality(array_positions(n.starts, n.ends_at)) > n.itself)
    OR cardinality(array_positions(n.starts, n.starts_at)) + (n.starts_at = n.after_all)::integer
       <> cardinality(array_positions(n.ends, n.starts_at)) + (n.starts_at = n.before_all)::integer
 ORDER BY n.user_id, n.created_at, n.id

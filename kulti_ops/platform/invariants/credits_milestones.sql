-- title: every milestone was paid once, and no bonus without one
-- group: credits
-- source: platform 3 (f)
-- requires: public.credit_milestones, public.credit_transactions
-- explanation: Each milestone has one bonus row with metadata.milestone and the same amount;
--   first_session and first_stream use the type bonus_first_session, the rest bonus_milestone.
SELECT coalesce(m.user_id, b.user_id) AS user_id,
       coalesce(m.milestone_type, b.milestone) AS milestone,
       m.credits_awarded,
       b.n AS bonus_rows,
       b.amount AS bonus_amount
  FROM public.credit_milestones m
  FULL JOIN (
    SELECT user_id, coalesce(metadata ->> 'milestone', '') AS milestone,
           count(*) AS n, sum(amount) AS amount, min(type) AS type, max(type) AS last_type
      FROM public.credit_transactions
     WHERE type IN ('bonus_milestone', 'bonus_first_session')
     GROUP BY 1, 2
  ) b ON b.user_id = m.user_id AND b.milestone = m.milestone_type
 WHERE b.n IS DISTINCT FROM 1
    OR m.credits_awarded IS DISTINCT FROM b.amount
    OR b.type <> CASE WHEN m.milestone_type IN ('first_session', 'first_stream')
                      THEN 'bonus_first_session' ELSE 'bonus_milestone' END

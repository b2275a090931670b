-- The ledger with its running balance, in the order of time, and the milestones.
INSERT INTO public.credit_transactions
    (id, user_id, amount, balance_after, type, source_session_id, metadata, created_at)
SELECT md5(concat_ws(':', 'tx', user_n, type, at, ord))::uuid,
       kulti_seed.uid('user', user_n),
       amount,
       sum(amount) OVER (PARTITION BY user_n ORDER BY at, ord ROWS UNBOUNDED PRECEDING),
       type,
       CASE WHEN session_n IS NOT NULL THEN kulti_seed.uid('session', session_n) END,
       CASE type
         WHEN 'spent_tipping' THEN jsonb_build_object(
             'recipientId', kulti_seed.uid('user', other_n), 'message', kulti_seed.emoji(user_n))
         WHEN 'received_tip' THEN jsonb_build_object('fromUserId', kulti_seed.uid('user', other_n))
         WHEN 'referral_bonus' THEN jsonb_build_object('referredUserId', kulti_seed.uid('user', other_n))
         WHEN 'bonus_milestone' THEN jsonb_build_object('milestone', note)
         WHEN 'bonus_first_session' THEN jsonb_build_object('milestone', note)
         WHEN 'admin_adjustment' THEN jsonb_build_object('reason', note)
         WHEN 'spent_feature' THEN '{"feature": "boost", "hours": 24, "rank": 100}'::jsonb
         WHEN 'earned_watching' THEN jsonb_build_object('minutes', amount, 'multiplier', 1, 'batch', 'session-end')
         WHEN 'earned_chatting' THEN jsonb_build_object('multiplier', 1.5, 'batch', 'session-end')
         WHEN 'earned_helping' THEN jsonb_build_object('multiplier', 2, 'batch', 'session-end')
         WHEN 'earned_hosting' THEN '{"per_minute": 5, "per_viewer_minute": 2, "batch": "session-end"}'::jsonb
         ELSE '{}'::jsonb
       END,
       at
  FROM kulti_seed.ledger
 ORDER BY at, user_n, ord;

INSERT INTO public.credit_milestones (id, user_id, milestone_type, achieved_at, credits_awarded)
SELECT md5(concat_ws(':', 'milestone', user_n, note))::uuid, kulti_seed.uid('user', user_n),
       note, at, amount
  FROM kulti_seed.ledger
 WHERE type IN ('bonus_first_session', 'bonus_milestone')
 ORDER BY at, user_n, note;

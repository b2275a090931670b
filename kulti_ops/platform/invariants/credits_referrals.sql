-- title: referral bonuses equal the uses of a user's codes
-- group: credits
-- source: platform 3 (h)
-- requires: public.credit_transactions, public.invites, public.invite_uses
-- explanation: 50 credits for each use of a code by somebody else than its creator.
SELECT coalesce(u.user_id, t.user_id) AS user_id,
       coalesce(u.uses, 0) AS uses_by_others,
       coalesce(t.bonuses, 0) AS referral_bonuses,
       coalesce(t.credits, 0) AS credits
  FROM (
    SELECT i.created_by AS user_id, count(*) AS uses
      FROM public.invites i JOIN public.invite_uses x ON x.invite_id = i.id
     WHERE i.created_by IS NOT NULL AND x.used_by IS DISTINCT FROM i.created_by
     GROUP BY i.created_by
  ) u
  FULL JOIN (
    SELECT user_id, count(*) AS bonuses, sum(amount) AS credits
      FROM public.credit_transactions WHERE type = 'referral_bonus' GROUP BY user_id
  ) t ON t.user_id = u.user_id
 WHERE coalesce(u.uses, 0) <> coalesce(t.bonuses, 0)
    OR coalesce(t.credits, 0) <> 50 * coalesce(t.bonuses, 0)

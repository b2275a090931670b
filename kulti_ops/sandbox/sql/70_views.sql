-- The five views. They run with their owner's rights (no security_invoker) and anon may read
-- them through the default privileges: an open door that the access diagnostics must show.
SET ROLE postgres;

CREATE VIEW public.user_credit_stats AS
SELECT p.id AS user_id,
       p.username,
       p.credits_balance,
       p.total_credits_earned,
       p.total_credits_spent,
       count(ct.id) AS transaction_count,
       coalesce(sum(ct.amount) FILTER (WHERE ct.type LIKE 'earned\_%'), 0) AS earned_in_sessions,
       coalesce(sum(ct.amount) FILTER (WHERE ct.type = 'received_tip'), 0) AS tips_received,
       max(ct.created_at) AS last_transaction_at
  FROM public.profiles p
  LEFT JOIN public.credit_transactions ct ON ct.user_id = p.id
 GROUP BY p.id;

CREATE VIEW public.invite_stats AS
SELECT i.created_by,
       count(*) AS codes,
       sum(i.max_uses) AS capacity,
       sum(i.current_uses) AS uses,
       count(*) FILTER (WHERE i.is_active AND i.current_uses < i.max_uses) AS usable_codes
  FROM public.invites i
 GROUP BY i.created_by;

CREATE VIEW public.admin_referral_overview AS
SELECT p.id,
       p.username,
       p.display_name,
       u.email,
       p.created_at,
       r.username AS referred_by_username,
       (SELECT count(*) FROM public.profiles c WHERE c.referred_by = p.id) AS direct_referrals
  FROM public.profiles p
  LEFT JOIN auth.users u ON u.id = p.id
  LEFT JOIN public.profiles r ON r.id = p.referred_by;

CREATE VIEW public.creative_threads AS
SELECT cr.original_type,
       cr.original_id,
       cr.original_agent_id,
       count(*) AS responses,
       array_agg(DISTINCT cr.response_agent_id ORDER BY cr.response_agent_id) AS responders,
       max(cr.created_at) AS last_response_at
  FROM public.ai_creative_responses cr
 GROUP BY cr.original_type, cr.original_id, cr.original_agent_id;

CREATE VIEW public.trending_conversations AS
SELECT m.id,
       m.agent_id,
       m.agent_name,
       m.title,
       m.upvotes,
       count(r.id) AS replies,
       m.upvotes + 2 * count(r.id) AS score
  FROM public.ai_community_messages m
  LEFT JOIN public.ai_community_messages r ON r.parent_id = m.id
 WHERE m.parent_id IS NULL AND NOT coalesce(m.is_hidden, false)
 GROUP BY m.id;

RESET ROLE;

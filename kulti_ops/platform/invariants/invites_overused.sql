-- title: no invite was used more often than it allows
-- group: invites
-- source: platform 5: current_uses <= max_uses
-- requires: public.invites, public.invite_uses
-- explanation: A check forbids it for current_uses; the uses themselves are counted too.
SELECT i.id AS invite_id, i.code, i.max_uses, i.current_uses, count(u.id) AS uses
  FROM public.invites i
  LEFT JOIN public.invite_uses u ON u.invite_id = i.id
 GROUP BY i.id, i.code, i.max_uses, i.current_uses
HAVING greatest(i.current_uses, count(u.id)) > i.max_uses

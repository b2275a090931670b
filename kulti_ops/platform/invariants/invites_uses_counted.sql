-- title: every invite counts its uses
-- group: invites
-- source: platform 5: current_uses = count(invite_uses)
-- requires: public.invites, public.invite_uses
SELECT i.id AS invite_id, i.code, i.current_uses, coalesce(u.n, 0) AS uses
  FROM public.invites i
  LEFT JOIN (SELECT invite_id, count(*) AS n FROM public.invite_uses GROUP BY invite_id) u
    ON u.invite_id = i.id
 WHERE coalesce(i.current_uses, 0) <> coalesce(u.n, 0)

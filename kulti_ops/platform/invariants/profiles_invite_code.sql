-- title: a profile's invite code is one that it used
-- group: invites
-- source: platform 5: profiles.invite_code = code used
-- requires: public.profiles, public.invites, public.invite_uses
SELECT p.id AS user_id, p.invite_code, u.codes AS codes_used
  FROM public.profiles p
  LEFT JOIN (
    SELECT x.used_by, array_agg(i.code ORDER BY i.code) AS codes
      FROM public.invite_uses x JOIN public.invites i ON i.id = x.invite_id
     GROUP BY x.used_by
  ) u ON u.used_by = p.id
 WHERE CASE WHEN p.invite_code IS NULL THEN u.codes IS NOT NULL
            ELSE NOT coalesce(p.invite_code = ANY (u.codes), false) END

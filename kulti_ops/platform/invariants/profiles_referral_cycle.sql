-- title: nobody was referred, through others, by oneself
-- group: invites
-- source: platform 5: no cycles
-- requires: public.profiles
WITH RECURSIVE up (start, at) AS (
    SELECT id, referred_by FROM public.profiles WHERE referred_by IS NOT NULL
    UNION
    SELECT up.start, p.referred_by
      FROM up JOIN public.profiles p ON p.id = up.at
     WHERE p.referred_by IS NOT NULL AND up.at <> up.start
)
SELECT start AS user_id FROM up WHERE at = start

-- title: a profile's referrer made the code it used
-- group: invites
-- source: platform 5: profiles.referred_by = that code's creator; older codes may lack it
-- requires: public.profiles, public.invites
-- explanation: A missing referrer is no finding: older profiles have none.
SELECT p.id AS user_id, p.invite_code, p.referred_by, i.created_by AS code_created_by
  FROM public.profiles p
  LEFT JOIN public.invites i ON i.code = p.invite_code
 WHERE p.referred_by IS NOT NULL AND p.referred_by IS DISTINCT FROM i.created_by

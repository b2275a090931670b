-- title: every login has a profile, every profile a login
-- group: accounts
-- source: platform 2: profiles.id refers to auth.users
-- requires: auth.users, public.profiles
-- param: signup_grace_hours = 24
-- explanation: A login without a profile is a sign-up that was not finished; a young one is
--   left out. A profile without a login is nobody's: its owner can't sign in.
SELECT 'profile without login' AS finding, p.id AS user_id, p.created_at
  FROM public.profiles p
 WHERE NOT EXISTS (SELECT 1 FROM auth.users u WHERE u.id = p.id)
UNION ALL
SELECT 'login without profile', u.id, u.created_at
  FROM auth.users u
 WHERE u.deleted_at IS NULL
   AND NOT EXISTS (SELECT 1 FROM public.profiles p WHERE p.id = u.id)
   AND coalesce(u.created_at, '-infinity')
       < coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())
         - make_interval(hours => coalesce(
             nullif(current_setting('kulti_ops.signup_grace_hours', true), '')::integer, 24))

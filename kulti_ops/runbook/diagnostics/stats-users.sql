-- title: users
-- group: business
-- when: Daily, and to know how normal today is.
-- requires: public.profiles, auth.users
-- verdict: info
-- noun: profiles
-- explanation: Profiles, sign-ups and activity. Times of sign-in are those of auth.users: profiles
--   has no such column, and there is no table public.users.
-- next: kulti-ops runbook check stats-sessions stats-credits stats-recordings
SELECT v.measure, v.value
  FROM (
    SELECT count(*) AS profiles, count(*) FILTER (WHERE p.is_approved) AS approved,
           count(*) FILTER (WHERE p.created_at >= w.now - interval '1 day') AS new_today,
           count(*) FILTER (WHERE p.created_at >= w.now - interval '7 days') AS new_week,
           count(*) FILTER (WHERE u.last_sign_in_at >= w.now - interval '1 day') AS active_today,
           count(*) FILTER (WHERE u.last_sign_in_at >= w.now - interval '7 days') AS active_week,
           count(*) FILTER (WHERE p.role = 'admin') AS admins,
           count(*) FILTER (WHERE p.referred_by IS NOT NULL) AS referred
      FROM public.profiles p
      LEFT JOIN auth.users u ON u.id = p.id
     CROSS JOIN (SELECT coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now()) AS now) w
  ) s
 CROSS JOIN LATERAL (VALUES
    ('profiles', s.profiles), ('approved', s.approved), ('new in a day', s.new_today),
    ('new in a week', s.new_week), ('signed in within a day', s.active_today),
    ('signed in within a week', s.active_week), ('administrators', s.admins), ('referred', s.referred)
 ) AS v (measure, value)

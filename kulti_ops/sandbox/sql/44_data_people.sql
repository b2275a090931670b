-- Profiles, invites and their uses, notifications, presence, waiting list, configuration.

INSERT INTO public.profiles
SELECT u.id,
       'kulti_' || lower(to_hex(u.n)) || CASE WHEN u.n % 3 = 0 THEN '-dev' ELSE '' END,
       kulti_seed.first_name(kulti_seed.pick(u.n, 20, 32)) || ' '
         || kulti_seed.last_name(kulti_seed.pick(u.n, 21, 16)),
       CASE WHEN u.n % 5 < 3
            THEN 'https://kulti.example/storage/v1/object/public/avatars/' || u.id || '/face.webp' END,
       CASE WHEN u.n % 4 > 0
            THEN kulti_seed.phrase(kulti_seed.pick(u.n, 22, 32)) || E'\n'
                 || kulti_seed.phrase(kulti_seed.pick(u.n, 23, 32)) || ' '
                 || kulti_seed.emoji(u.n) END,
       true,
       i.code,
       coalesce(b.balance, 0), coalesce(b.earned, 0), coalesce(b.spent, 0),
       coalesce(b.updated_at, u.created_at),
       CASE WHEN u.n % 3 = 0
            THEN jsonb_build_array(jsonb_build_object('id', 'early-bird', 'earned_at', u.created_at))
            ELSE '[]'::jsonb END,
       kulti_seed.pick(u.n, 24, 6), 6 + kulti_seed.pick(u.n, 25, 40),
       ((p.anchor - make_interval(days => kulti_seed.pick(u.n, 26, 60))) AT TIME ZONE 'UTC')::date,
       ARRAY[kulti_seed.skill(u.n), kulti_seed.skill(u.n + 7), kulti_seed.skill(u.n * 3 + 11)],
       ARRAY[kulti_seed.interest(u.n), kulti_seed.interest(u.n + 5)],
       (ARRAY['beginner', 'intermediate', 'advanced'])[1 + kulti_seed.pick(u.n, 27, 3)],
       (ARRAY['Europe/Helsinki', 'America/New_York', 'Asia/Tokyo', 'UTC', 'America/Sao_Paulo'])
         [1 + kulti_seed.pick(u.n, 28, 5)],
       u.n % 6 > 0,
       u.n % 10 < 7,
       CASE WHEN u.n <= 3 THEN 'admin' WHEN u.n <= 10 THEN 'moderator' ELSE 'user' END,
       (ARRAY['public', 'public', 'public', 'public', 'public', 'public', 'friends', 'private'])
         [1 + kulti_seed.pick(u.n, 29, 8)],
       u.n % 9 > 0,
       (ARRAY['public', 'public', 'invite', 'private'])[1 + kulti_seed.pick(u.n, 30, 4)],
       u.n % 7 > 0,
       jsonb_build_object('email', u.n % 2 = 0, 'push', u.n % 3 = 0, 'in_app', true,
                          'quiet_hours', jsonb_build_array('22:00', '07:00')),
       CASE WHEN u.invited_by IS NOT NULL THEN kulti_seed.uid('user', u.invited_by) END,
       u.created_at
  FROM kulti_seed.users u
 CROSS JOIN kulti_seed.params p
  LEFT JOIN kulti_seed.balances b ON b.user_n = u.n
 CROSS JOIN LATERAL (
   -- The code used: an inviter's own for most, an admin's (100 uses each, made by nobody,
   -- as the platform's older codes) for the first.
   SELECT kulti_seed.invite_code(CASE WHEN u.invited_by IS NOT NULL
                                      THEN 1000 + u.invited_by ELSE (u.n - 1) / 100 END) AS code) i
 ORDER BY u.n;

-- Every inviter has one code with room for more; 2,000 single-use spares lie unused.
INSERT INTO public.invites
    (id, code, created_by, max_uses, current_uses, expires_at, is_active, metadata,
     created_at, updated_at)
SELECT kulti_seed.uid('invite', c.n), kulti_seed.invite_code(c.n), kulti_seed.uid('user', c.owner_n),
       c.max_uses, c.uses, NULL, c.uses < c.max_uses,
       CASE WHEN c.owner_n IS NULL THEN '{"batch": "launch", "note": "made by hand"}'::jsonb
            ELSE jsonb_build_object('source', 'dashboard') END,
       c.created_at, c.updated_at
  FROM (
    SELECT (n - 1) / 100 AS n, NULL::integer AS owner_n, 100 AS max_uses, count(*)::integer AS uses,
           min(created_at) - interval '1 day' AS created_at, max(created_at) AS updated_at
      FROM kulti_seed.users WHERE invited_by IS NULL GROUP BY 1
    UNION ALL
    SELECT 1000 + i.n, i.n, greatest(10, u.uses + i.n % 3), u.uses, i.created_at, u.last_use
      FROM (SELECT invited_by, count(*)::integer AS uses, max(created_at) AS last_use
              FROM kulti_seed.users WHERE invited_by IS NOT NULL GROUP BY 1) u
      JOIN kulti_seed.users i ON i.n = u.invited_by
    UNION ALL
    SELECT 10000 + i.n, i.n, 1, 0, i.created_at + interval '2 days', i.created_at + interval '2 days'
      FROM kulti_seed.users i, kulti_seed.params p WHERE i.n <= least(p.users / 10, 20000)
  ) c
 ORDER BY c.created_at, c.n;

INSERT INTO public.invite_uses (id, invite_id, used_by, used_at, metadata)
SELECT kulti_seed.uid('use', n),
       kulti_seed.uid('invite', CASE WHEN invited_by IS NOT NULL THEN 1000 + invited_by
                                     ELSE (n - 1) / 100 END),
       id, created_at,
       jsonb_build_object('ip', '203.0.113.' || n % 250, 'user_agent', 'Mozilla/5.0')
  FROM kulti_seed.users ORDER BY n;

-- Everybody offline: an online row would be stale five minutes from now, and nobody is here
-- to send heartbeats.
INSERT INTO public.user_presence
    (user_id, is_online, last_seen, current_session_id, available_for_matching, updated_at)
SELECT id, false, t, NULL, n % 4 = 0, t
  FROM (SELECT u.id, u.n,
               p.anchor - make_interval(mins => 30 + kulti_seed.pick(u.n, 31, 86400)) AS t
          FROM kulti_seed.users u, kulti_seed.params p
         WHERE u.n <= p.active_users AND u.n % 3 > 0) x
 ORDER BY n;

INSERT INTO public.notifications
    (id, user_id, type, title, message, link, read, metadata, created_at)
SELECT kulti_seed.uid('notification', u.n * 100 + k), u.id,
       (ARRAY['tip_received', 'badge_earned', 'match_found', 'topic_streamed', 'session_started',
              'presenter_invited', 'message_reply'])[1 + (u.n + k) % 7],
       (ARRAY['You got a tip ', 'New badge ', 'A match for you ', 'Your topic was streamed ',
              'A session has started ', 'You are invited to present ', 'Someone answered '])
         [1 + (u.n + k) % 7] || kulti_seed.emoji(k + u.n),
       kulti_seed.phrase(kulti_seed.pick(u.n * 100 + k, 32, 32)),
       '/s/' || kulti_seed.room_code(1 + kulti_seed.pick(u.n * 100 + k, 33, p.sessions)),
       kulti_seed.pick(u.n * 100 + k, 34, 10) < 7,
       jsonb_build_object('session', kulti_seed.uid('session', 1 + kulti_seed.pick(u.n * 100 + k, 33, p.sessions)),
                          'count', k),
       p.anchor - make_interval(mins => 20 + kulti_seed.pick(u.n * 100 + k, 35, 300000))
  FROM kulti_seed.params p, kulti_seed.users u, generate_series(1, 14) AS k
 WHERE u.n <= p.active_users
 ORDER BY k, u.n;

INSERT INTO public.waitlist
    (id, email, name, twitter_handle, reason, what_building, status, position, created_at)
SELECT kulti_seed.uid('waitlist', n), 'waiting' || n || '@mail.example',
       kulti_seed.first_name(n) || ' ' || kulti_seed.last_name(n * 7),
       CASE WHEN n % 2 = 0 THEN '@builder' || n END,
       kulti_seed.phrase(kulti_seed.pick(n, 36, 32)), kulti_seed.phrase(kulti_seed.pick(n, 37, 32)),
       (ARRAY['pending', 'approved', 'rejected'])[1 + n % 3], n,
       p.anchor - interval '200 days' + make_interval(hours => n % 4000)
  FROM kulti_seed.params p, generate_series(1, greatest(50, p.users / 10)) AS n;

INSERT INTO public.app_config (key, value, description, updated_at)
SELECT key, value::jsonb, description, anchor - interval '100 days'
  FROM kulti_seed.params, (VALUES
    ('maintenance_mode', 'false', 'banner and read-only mode'),
    ('hls_threshold', '100', 'peers from which viewers get HLS'),
    ('credit_rates', '{"watch": 1, "host": 5, "host_per_viewer": 2}', 'credits per minute'),
    ('feature_flags', '{"matchmaking": true, "ai_module": true, "tips": {"max": 10000}}', NULL),
    ('motd', '"Welcome to Kulti — bring a friend 👋"', 'shown on the dashboard')
  ) AS v (key, value, description);

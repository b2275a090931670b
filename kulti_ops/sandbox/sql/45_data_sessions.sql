-- Sessions, participants, guests, recordings, matchmaking.
--
-- What is left out on purpose, because it would turn into a finding by merely getting older:
-- no session is live (nobody sends heartbeats, it would be a zombie within hours), and no
-- suggestion is pending or viewed (they expire after 30 minutes).

INSERT INTO public.sessions
SELECT s.id,
       kulti_seed.room_code(s.s),
       kulti_seed.skill(s.s) || ' & ' || kulti_seed.interest(s.s) || ' #' || s.s || ' '
         || kulti_seed.emoji(s.s),
       CASE WHEN s.s % 5 > 0
            THEN kulti_seed.phrase(kulti_seed.pick(s.s, 40, 32)) || E'\r\n'
                 || kulti_seed.phrase(kulti_seed.pick(s.s, 41, 32)) END,
       h.id,
       CASE WHEN s.ended THEN substr(md5('hms' || s.s), 1, 24) END,
       CASE WHEN s.ended THEN 'ended' ELSE 'scheduled' END,
       s.s % 8 > 0,
       4 + s.s % 3,
       s.started_at,
       s.ended_at,
       s.s % 12 = 0,
       CASE WHEN s.s % 12 = 0 THEN 'sk_' || md5('rtmp' || s.s) END,
       coalesce(pay.credits, 0),
       s.ended,
       coalesce(x.avg_viewers, 0),
       coalesce(x.chats, 0),
       kulti_seed.pick(s.s, 42, 500) / 100.0,
       boost.until,
       0,
       s.s % 4 = 0,
       (ARRAY['host_only', 'presenters', 'manual'])[1 + s.s % 3],
       CASE WHEN s.s % 12 = 8 THEN ARRAY[h.id] ELSE '{}'::uuid[] END,
       CASE WHEN s.s % 4 = 0 THEN h.id END,
       CASE WHEN s.s % 4 = 0 AND s.ended THEN s.started_at END,
       CASE WHEN s.s % 10 = 1 THEN md5('presenter' || s.s) END,
       s.s % 20 = 11,
       (ARRAY['coding', 'design', 'music', 'talk', 'study'])[1 + s.s % 5],
       ARRAY[kulti_seed.skill(s.s), kulti_seed.interest(s.s + 3)],
       (ARRAY['learn', 'teach', 'collaborate', 'open'])[1 + s.s % 4],
       s.s % 25 = 0,
       2 + s.s % 3,
       CASE WHEN s.ended THEN jsonb_build_object('layout', 'grid', 'peak', coalesce(x.avg_viewers, 0) + 2)
            ELSE '{}'::jsonb END,
       CASE WHEN s.ended THEN s.started_at - interval '2 seconds'
            ELSE p.anchor - make_interval(days => 1 + s.s % 20) END
  FROM kulti_seed.sessions s
 CROSS JOIN kulti_seed.params p
  JOIN kulti_seed.users h ON h.n = s.host_n
  LEFT JOIN kulti_seed.session_sums x ON x.s = s.s
  LEFT JOIN (SELECT s, sum(credits)::integer AS credits FROM kulti_seed.payouts GROUP BY s) pay
    ON pay.s = s.s
  LEFT JOIN (SELECT session_n, max(at) + interval '24 hours' AS until
               FROM kulti_seed.ledger WHERE type = 'spent_feature' GROUP BY session_n) boost
    ON boost.session_n = s.s
 ORDER BY s.s;

INSERT INTO public.session_participants
SELECT kulti_seed.uid('participant', q.s * 16::bigint + q.k),
       s.id,
       kulti_seed.uid('user', q.user_n),
       CASE WHEN q.k = 0 THEN 'host' WHEN q.k <= 2 AND q.s % 4 = 0 THEN 'presenter' ELSE 'viewer' END,
       s.ended_at - make_interval(secs => q.watched_s),
       q.watched_s,
       coalesce(pay.credits, 0),
       s.ended_at - make_interval(secs => kulti_seed.pick(q.s * 16 + q.k, 43, 30)),
       false,
       q.chats,
       q.helped
  FROM kulti_seed.participants q
  JOIN kulti_seed.sessions s ON s.s = q.s
  LEFT JOIN kulti_seed.payouts pay ON pay.s = q.s AND pay.user_n = q.user_n
 ORDER BY q.s, q.k;

INSERT INTO public.guest_presenters
    (id, session_id, display_name, joined_at, hms_peer_id, is_active, left_at)
SELECT kulti_seed.uid('guest', s.s), s.id,
       kulti_seed.first_name(s.s) || ' (guest)', s.started_at + interval '3 minutes',
       kulti_seed.uid('peer', s.s)::text, false, s.ended_at
  FROM kulti_seed.sessions s WHERE s.ended AND s.s % 20 = 1
 ORDER BY s.s;

-- Every fifth ended session was recorded: completed, a few failed.
INSERT INTO public.recordings
    (id, session_id, hms_recording_id, recording_url, duration, status, metadata,
     created_at, updated_at)
SELECT kulti_seed.uid('recording', s.s), s.id, substr(md5('rec' || s.s), 1, 24),
       CASE WHEN s.s % 250 > 0 THEN 'https://recordings.kulti.example/' || s.id || '/room-composite.mp4' END,
       CASE WHEN s.s % 250 > 0 THEN s.minutes * 60 - 20 END,
       CASE WHEN s.s % 250 > 0 THEN 'completed' ELSE 'failed' END,
       CASE WHEN s.s % 250 > 0
            THEN jsonb_build_object('size', s.minutes::bigint * 7340032, 'resolution', '1280x720',
                                    'format', 'mp4')
            ELSE jsonb_build_object('error', 'the "composer" ran out of time') END,
       s.started_at + interval '20 seconds', s.ended_at + interval '4 minutes'
  FROM kulti_seed.sessions s WHERE s.ended AND s.s % 5 = 0
 ORDER BY s.s;

-- The states 'recording' and 'processing' can't stay clean on past sessions: processing is
-- stuck after an hour, recording is wrong on an ended session. These few rows belong to
-- sessions planned 90 to 400 days ahead and carry the timestamps of those sessions: a
-- rehearsal ahead of the clock, consistent in itself and marked as such in metadata.
INSERT INTO public.recordings
    (id, session_id, hms_recording_id, status, metadata, created_at, updated_at)
SELECT kulti_seed.uid('recording', s.s), s.id, substr(md5('rec' || s.s), 1, 24),
       CASE WHEN s.s % 2 = 0 THEN 'recording' ELSE 'processing' END,
       '{"rehearsal": true, "note": "ahead of the clock on purpose"}'::jsonb,
       s.started_at, s.started_at + interval '10 minutes'
  FROM kulti_seed.sessions s, kulti_seed.params p
 WHERE s.s > p.ended_sessions AND s.s <= p.ended_sessions + 40
 ORDER BY s.s;

INSERT INTO public.matchmaking_suggestions
    (id, user_id, suggested_users, match_score, match_reasons, session_id, status, expires_at,
     created_at)
SELECT kulti_seed.uid('suggestion', u.n), u.id,
       ARRAY[kulti_seed.uid('user', 1 + u.n % p.users), kulti_seed.uid('user', 1 + (u.n + 20) % p.users)],
       kulti_seed.pick(u.n, 44, 101) / 100.0,
       jsonb_build_array(kulti_seed.skill(u.n), kulti_seed.interest(u.n)),
       CASE WHEN u.n % 3 = 0 THEN kulti_seed.uid('session', 1 + u.n % p.ended_sessions) END,
       (ARRAY['accepted', 'declined', 'expired'])[1 + u.n % 3],
       t + interval '30 minutes', t
  FROM kulti_seed.users u, kulti_seed.params p,
       LATERAL (SELECT p.anchor - make_interval(hours => 2 + kulti_seed.pick(u.n, 45, 2000)) AS t) x
 WHERE u.n <= p.active_users AND u.n % 4 = 1
 ORDER BY u.n;

-- Community rooms: members, talk, reactions, topics, comments, votes. Counters agree with
-- the rows they count.

CREATE TABLE kulti_seed.rooms AS
SELECT r, kulti_seed.uid('room', r) AS id,
       -- Members are users r, r + step, r + 2 * step ...; the first is the room's admin.
       greatest(20, p.active_users / 40) AS members
  FROM kulti_seed.params p, generate_series(1, 30) AS r;

CREATE TABLE kulti_seed.room_members AS
SELECT r.r, i, 1 + (r.r * 101 + i * 31) % p.active_users AS user_n
  FROM kulti_seed.rooms r, kulti_seed.params p, generate_series(0, r.members - 1) AS i;
-- 31 may divide the number of users: keep one row per user and room.
DELETE FROM kulti_seed.room_members a USING kulti_seed.room_members b
 WHERE a.r = b.r AND a.user_n = b.user_n AND a.i > b.i;

CREATE TABLE kulti_seed.room_messages AS
SELECT m.r, m.user_n, m.i, j, m.r * 10000000::bigint + m.i * 10 + j AS n
  FROM kulti_seed.room_members m, generate_series(0, 2) AS j;

CREATE TABLE kulti_seed.topics AS
SELECT t, 1 + t % 30 AS r, m.user_n
  FROM generate_series(1, 300) AS t
  JOIN kulti_seed.room_members m ON m.r = 1 + t % 30 AND m.i = 0;

INSERT INTO public.community_rooms
    (id, slug, name, description, category, created_by, is_public, member_count, message_count,
     icon_emoji, tags, archived_at, created_at)
SELECT r.id, 'room-' || r.r, initcap(kulti_seed.skill(r.r)) || ' lounge', kulti_seed.phrase(r.r),
       (ARRAY['tech', 'art', 'social'])[1 + r.r % 3], kulti_seed.uid('user', a.user_n), r.r % 6 > 0,
       (SELECT count(*) FROM kulti_seed.room_members m WHERE m.r = r.r),
       (SELECT count(*) FROM kulti_seed.room_messages m WHERE m.r = r.r),
       kulti_seed.emoji(r.r), ARRAY[kulti_seed.skill(r.r), kulti_seed.interest(r.r)],
       CASE WHEN r.r = 30 THEN p.anchor - interval '10 days' END, p.anchor - interval '365 days'
  FROM kulti_seed.rooms r
 CROSS JOIN kulti_seed.params p
  JOIN kulti_seed.room_members a ON a.r = r.r AND a.i = 0
 ORDER BY r.r;

INSERT INTO public.room_members (id, room_id, user_id, role, joined_at, last_read_at, is_muted)
SELECT kulti_seed.uid('member', m.r * 100000 + m.i), kulti_seed.uid('room', m.r),
       kulti_seed.uid('user', m.user_n),
       CASE WHEN m.i = 0 THEN 'admin' WHEN m.i <= 2 THEN 'moderator' ELSE 'member' END,
       p.anchor - interval '300 days' + make_interval(mins => m.i),
       p.anchor - make_interval(hours => kulti_seed.pick(m.r * 100000 + m.i, 60, 500)),
       m.i % 20 = 9
  FROM kulti_seed.room_members m, kulti_seed.params p ORDER BY m.r, m.i;

INSERT INTO public.room_messages
    (id, room_id, user_id, content, type, parent_message_id, edited_at, deleted_at, created_at)
SELECT kulti_seed.uid('roommessage', m.n), kulti_seed.uid('room', m.r),
       kulti_seed.uid('user', m.user_n),
       kulti_seed.phrase(kulti_seed.pick(m.n, 61, 32)) || ' ' || kulti_seed.emoji((m.n % 97)::integer),
       CASE WHEN m.i = 0 THEN 'announcement' ELSE 'text' END,
       CASE WHEN m.j = 2 THEN kulti_seed.uid('roommessage', m.n - 2) END,
       CASE WHEN m.n % 15 = 0 THEN t + interval '1 minute' END,
       CASE WHEN m.n % 40 = 0 THEN t + interval '5 minutes' END,
       t
  FROM kulti_seed.room_messages m, kulti_seed.params p,
       LATERAL (SELECT p.anchor - interval '290 days'
                       + make_interval(mins => kulti_seed.pick(m.n, 62, 400000)) AS t) x
 ORDER BY m.n;

INSERT INTO public.room_message_reactions (id, message_id, user_id, emoji, created_at)
SELECT kulti_seed.uid('reaction', m.n * 3 + k), kulti_seed.uid('roommessage', m.n),
       kulti_seed.uid('user', m.user_n), kulti_seed.emoji(k), p.anchor - interval '5 days'
  FROM kulti_seed.room_messages m, kulti_seed.params p, generate_series(0, 1) AS k
 WHERE m.j = 0 AND m.i % 2 = 0
 ORDER BY m.n, k;

INSERT INTO public.discussion_topics
    (id, room_id, created_by, title, description, tags, upvote_count, comment_count, status,
     priority, covered_in_session_id, covered_at, created_at, updated_at)
SELECT kulti_seed.uid('topic', t.t), kulti_seed.uid('room', t.r), kulti_seed.uid('user', t.user_n),
       'How to ' || kulti_seed.skill(t.t) || ' with ' || kulti_seed.interest(t.t) || '?',
       kulti_seed.phrase(kulti_seed.pick(t.t, 63, 32)), ARRAY[kulti_seed.skill(t.t)],
       (SELECT count(*) FROM kulti_seed.room_members m WHERE m.r = t.r AND m.i BETWEEN 1 AND t.t % 12),
       2,
       (ARRAY['proposed', 'planned', 'in-progress', 'completed', 'archived'])[1 + t.t % 5],
       t.t % 4,
       CASE WHEN t.t % 5 = 3 THEN kulti_seed.uid('session', t.t) END,
       CASE WHEN t.t % 5 = 3 THEN p.anchor - interval '20 days' END,
       p.anchor - make_interval(days => 30 + t.t % 200), p.anchor - interval '20 days'
  FROM kulti_seed.topics t, kulti_seed.params p ORDER BY t.t;

INSERT INTO public.topic_votes (id, topic_id, user_id, vote_weight, created_at)
SELECT kulti_seed.uid('vote', t.t * 100 + m.i), kulti_seed.uid('topic', t.t),
       kulti_seed.uid('user', m.user_n), 1 + m.i % 2, p.anchor - interval '25 days'
  FROM kulti_seed.topics t
 CROSS JOIN kulti_seed.params p
  JOIN kulti_seed.room_members m ON m.r = t.r AND m.i BETWEEN 1 AND t.t % 12
 ORDER BY t.t, m.i;

INSERT INTO public.topic_comments
    (id, topic_id, user_id, content, parent_comment_id, edited_at, created_at)
SELECT kulti_seed.uid('comment', t.t * 2 + j), kulti_seed.uid('topic', t.t),
       kulti_seed.uid('user', t.user_n), kulti_seed.phrase(kulti_seed.pick(t.t * 2 + j, 64, 32)),
       CASE WHEN j = 1 THEN kulti_seed.uid('comment', t.t * 2) END,
       NULL, p.anchor - interval '24 days' + make_interval(mins => j)
  FROM kulti_seed.topics t, kulti_seed.params p, generate_series(0, 1) AS j
 ORDER BY t.t, j;

-- Who streamed when, and who watched: the facts from which sessions, participants, messages
-- and the ledger are all derived, so that their sums agree.

-- Users, their sign-up and how much they watch. Sign-ups end before the first session, save
-- those of the last 30 days: nobody attends before having signed up.
CREATE TABLE kulti_seed.users AS
SELECT n,
       kulti_seed.uid('user', n) AS id,
       CASE WHEN n <= p.active_users
            THEN p.anchor - interval '720 days' + interval '350 days' * (n::float8 / p.active_users)
            ELSE p.anchor - interval '30 days' + (interval '30 days' - interval '3 hours')
                 * ((n - p.active_users)::float8 / (p.users - p.active_users))
       END AS created_at,
       -- Who used a member's code: every user after the first `inviters`, spread evenly.
       CASE WHEN n > p.inviters THEN (n - 1) % p.inviters + 1 END AS invited_by,
       CASE WHEN n > p.active_users THEN NULL
            WHEN n % 50 = 7 THEN 'devoted'
            WHEN n % 10 IN (1, 2, 3) THEN 'regular'
            ELSE 'casual' END AS audience,
       CASE WHEN n > p.active_users THEN NULL
            WHEN n % 20 = 0 THEN 'often'
            WHEN n % 20 BETWEEN 1 AND 6 THEN 'sometimes'
            ELSE 'rarely' END AS hosting
  FROM kulti_seed.params p, generate_series(1, p.users) AS n;
CREATE UNIQUE INDEX ON kulti_seed.users (n);

-- Hosts take turns within their class (20 %, 60 %, 20 % of the sessions), so that nobody
-- streams twice in a day.
CREATE TABLE kulti_seed.hosts AS
SELECT hosting, n AS user_n,
       row_number() OVER (PARTITION BY hosting ORDER BY md5(n::text)) - 1 AS turn,
       count(*) OVER (PARTITION BY hosting) AS size
  FROM kulti_seed.users WHERE hosting IS NOT NULL;
ANALYZE kulti_seed.users, kulti_seed.hosts;

CREATE TABLE kulti_seed.sessions AS
WITH numbered AS (
  SELECT s,
         CASE WHEN s % 10 < 2 THEN 'often' WHEN s % 10 < 8 THEN 'sometimes' ELSE 'rarely' END AS hosting,
         CASE WHEN s % 10 < 2 THEN s / 10 * 2 + s % 10
              WHEN s % 10 < 8 THEN s / 10 * 6 + s % 10 - 2
              ELSE s / 10 * 2 + s % 10 - 8 END AS turn
    FROM kulti_seed.params p, generate_series(1, p.sessions) AS s
)
SELECT n.s,
       kulti_seed.uid('session', n.s) AS id,
       h.user_n AS host_n,
       s.ended,
       s.minutes,
       s.started_at,
       CASE WHEN s.ended THEN s.started_at + make_interval(mins => s.minutes) END AS ended_at,
       CASE WHEN s.ended THEN n.s * 7 % 15 ELSE 0 END AS viewers
  FROM numbered n
  JOIN (SELECT DISTINCT hosting, size FROM kulti_seed.hosts) z ON z.hosting = n.hosting
  JOIN kulti_seed.hosts h ON h.hosting = n.hosting AND h.turn = n.turn % z.size
 CROSS JOIN kulti_seed.params p
 CROSS JOIN LATERAL (
   SELECT n.s <= p.ended_sessions AS ended,
          10 + kulti_seed.pick(n.s, 1, 36) AS minutes,
          CASE WHEN n.s <= p.ended_sessions
               THEN p.anchor - interval '365 days'
                    + (interval '365 days' - interval '6 hours')
                      * (n.s::float8 / p.ended_sessions)
                    + make_interval(secs => kulti_seed.pick(n.s, 2, 1200))
               -- Planned 90 to 400 days ahead, so that none is overdue while a sandbox lives.
               ELSE p.anchor + interval '90 days'
                    + interval '310 days' * ((n.s - p.ended_sessions)::float8
                                             / (p.sessions - p.ended_sessions))
          END AS started_at) s;
CREATE UNIQUE INDEX ON kulti_seed.sessions (s);

-- One row per person and ended session; place 0 is the host. Viewers of one class take turns
-- in rounds, each round shifted by three eighths, so that nobody watches twice in a day.
CREATE TABLE kulti_seed.crowd AS
SELECT audience, n AS user_n,
       row_number() OVER (PARTITION BY audience ORDER BY md5('crowd' || n)) - 1 AS turn,
       count(*) OVER (PARTITION BY audience) AS size
  FROM kulti_seed.users WHERE audience IS NOT NULL;
ANALYZE kulti_seed.sessions, kulti_seed.crowd;

CREATE TABLE kulti_seed.participants AS
WITH seats AS (
  SELECT s.s, k, s.host_n, s.minutes,
         CASE WHEN d < 8 THEN 'devoted' WHEN d < 66 THEN 'regular' ELSE 'casual' END AS audience
    FROM kulti_seed.sessions s
   CROSS JOIN LATERAL generate_series(1, s.viewers) AS k
   CROSS JOIN LATERAL (SELECT kulti_seed.pick(s.s * 16 + k, 3, 100) AS d) x
), numbered AS (
  SELECT *, row_number() OVER (PARTITION BY audience ORDER BY s, k) - 1 AS seat FROM seats
), viewers AS (
  SELECT DISTINCT ON (q.s, c.user_n) q.s, q.k, c.user_n, q.minutes
    FROM numbered q
    JOIN (SELECT DISTINCT audience, size FROM kulti_seed.crowd) z ON z.audience = q.audience
    JOIN kulti_seed.crowd c ON c.audience = q.audience
     AND c.turn = (q.seat % z.size + q.seat / z.size * (z.size * 3 / 8)) % z.size
   WHERE c.user_n <> q.host_n
   ORDER BY q.s, c.user_n, q.k
)
SELECT s, k, user_n,
       -- Watched 40 to 100 % of the session.
       (minutes * 60 * (40 + kulti_seed.pick(s * 16 + k, 4, 61)) / 100)::integer AS watched_s,
       CASE WHEN kulti_seed.pick(s * 16 + k, 5, 4) = 0 THEN 0
            ELSE 1 + kulti_seed.pick(s * 16 + k, 6, 2) END AS chats,
       CASE WHEN kulti_seed.pick(s * 16 + k, 7, 10) < 4 THEN 1 ELSE 0 END AS helped
  FROM viewers
UNION ALL
SELECT s, 0, host_n, minutes * 60, 2, 0 FROM kulti_seed.sessions WHERE ended;

-- Per session: average audience, messages, and what its host earned (5 per minute and 2 per
-- minute and average viewer).
CREATE TABLE kulti_seed.session_sums AS
SELECT s.s, x.avg_viewers, x.chats,
       s.minutes * 5 + s.minutes * 2 * x.avg_viewers AS host_credits
  FROM kulti_seed.sessions s
  JOIN (SELECT p.s,
               round(coalesce(sum(p.watched_s) FILTER (WHERE p.k > 0), 0)
                     / (q.minutes * 60.0))::integer AS avg_viewers,
               sum(p.chats)::integer AS chats
          FROM kulti_seed.participants p
          JOIN kulti_seed.sessions q ON q.s = p.s
         GROUP BY p.s, q.minutes) x ON x.s = s.s;
CREATE UNIQUE INDEX ON kulti_seed.session_sums (s);
ANALYZE kulti_seed.participants, kulti_seed.session_sums;

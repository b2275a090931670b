-- Every change of a balance, before balances are known. `ord` breaks ties between rows of
-- one user at one instant, as in several milestones awarded by one transaction.
CREATE TABLE kulti_seed.ledger (
    user_n integer NOT NULL,
    at timestamptz NOT NULL,
    ord smallint NOT NULL,
    type text NOT NULL,
    amount integer NOT NULL,
    session_n integer,
    other_n integer,
    note text
);

-- Paid at a session's end: the host, then each viewer for watching, chatting (half as much
-- again) and helping (as much again).
INSERT INTO kulti_seed.ledger
SELECT s.host_n, s.ended_at + interval '1 second', 0, 'earned_hosting', x.host_credits, s.s
  FROM kulti_seed.sessions s JOIN kulti_seed.session_sums x ON x.s = s.s;

INSERT INTO kulti_seed.ledger
SELECT p.user_n, s.ended_at + make_interval(secs => 2 + p.k * 0.02 + e.later), 0,
       e.type, e.amount, p.s, p.k
  FROM kulti_seed.participants p
  JOIN kulti_seed.sessions s ON s.s = p.s
 CROSS JOIN LATERAL (VALUES
        ('earned_watching', p.watched_s / 60, 0.000),
        ('earned_chatting', CASE WHEN p.chats > 0 THEN (p.watched_s / 60 + 1) / 2 ELSE 0 END, 0.005),
        ('earned_helping', CASE WHEN p.helped > 0 THEN p.watched_s / 60 ELSE 0 END, 0.010)
      ) AS e (type, amount, later)
 WHERE p.k > 0 AND e.amount > 0;

-- Milestones, at the session that reached them. For a few users the check had not run in
-- time: one transaction awarded all of theirs, so these rows share created_at.
INSERT INTO kulti_seed.ledger
WITH watched AS (
  SELECT p.user_n, s.ended_at + make_interval(secs => 2 + p.k * 0.02 + 0.012) AS at,
         row_number() OVER w AS attended,
         sum(p.watched_s) OVER w AS seconds,
         sum(p.watched_s) OVER w - p.watched_s AS seconds_before
    FROM kulti_seed.participants p JOIN kulti_seed.sessions s ON s.s = p.s
   WHERE p.k > 0
  WINDOW w AS (PARTITION BY p.user_n ORDER BY s.ended_at, p.s)
)
SELECT user_n,
       CASE WHEN user_n % 100 = 3 THEN max(at) OVER (PARTITION BY user_n) ELSE at END,
       m.ord, m.type, m.amount, NULL::integer, NULL::integer, m.name
  FROM watched
 CROSS JOIN LATERAL (VALUES
        (1, 'bonus_first_session', 100, 'first_session', attended = 1),
        (2, 'bonus_milestone', 500, 'sessions_attended_10', attended = 10),
        (3, 'bonus_milestone', 2500, 'sessions_attended_50', attended = 50),
        (4, 'bonus_milestone', 1000, 'hours_watched_10',
            seconds >= 36000 AND seconds_before < 36000)
      ) AS m (ord, type, amount, name, reached)
 WHERE m.reached;

INSERT INTO kulti_seed.ledger
WITH hosted AS (
  SELECT host_n AS user_n, ended_at + interval '1.5 seconds' AS at,
         row_number() OVER w AS streamed,
         sum(minutes) OVER w AS minutes,
         sum(minutes) OVER w - minutes AS minutes_before
    FROM kulti_seed.sessions WHERE ended
  WINDOW w AS (PARTITION BY host_n ORDER BY ended_at, s)
)
SELECT user_n, at, m.ord, m.type, m.amount, NULL::integer, NULL::integer, m.name
  FROM hosted
 CROSS JOIN LATERAL (VALUES
        (1, 'bonus_first_session', 200, 'first_stream', streamed = 1),
        (2, 'bonus_milestone', 1000, 'sessions_hosted_10', streamed = 10),
        (3, 'bonus_milestone', 2000, 'hours_streamed_10',
            minutes >= 600 AND minutes_before < 600)
      ) AS m (ord, type, amount, name, reached)
 WHERE m.reached;

-- Completed profiles, referrals, and the odd correction by an admin.
INSERT INTO kulti_seed.ledger
SELECT n, created_at + interval '1 hour', 0, 'bonus_completion', 25,
       NULL::integer, NULL::integer, NULL::text
  FROM kulti_seed.users WHERE n % 10 < 7
UNION ALL
SELECT invited_by, created_at + interval '1 second', 0, 'referral_bonus', 50, NULL, n, NULL
  FROM kulti_seed.users WHERE invited_by IS NOT NULL
UNION ALL
SELECT n, anchor - interval '40 days', 0, 'admin_adjustment', 40 + n % 7, NULL, NULL,
       'compensation for a lost stream'
  FROM kulti_seed.users, kulti_seed.params WHERE n % 500 = 3;

-- Spending, five minutes after the income it hangs on. A wish is granted when all the
-- user's wishes so far, granted or not, would be covered by the income so far: that is
-- stricter than needed and keeps every balance at 0 or above without looking back at what
-- was granted. Tips received are not counted as income here, so they can't go wrong either.
INSERT INTO kulti_seed.ledger
WITH wishes AS (
  SELECT *,
         CASE WHEN type = 'earned_watching' THEN
                CASE WHEN d < 22 THEN 'spent_tipping' WHEN d < 27 THEN 'spent_priority_join' END
              WHEN type = 'earned_hosting' THEN
                CASE WHEN d < 25 THEN 'spent_feature' WHEN d < 40 THEN 'spent_recording' END
         END AS wish,
         CASE WHEN type = 'earned_watching' THEN
                -- other_n is the seat: no two tips of one session are of the same amount.
                CASE WHEN d < 22 THEN 10 + 5 * other_n WHEN d < 27 THEN 100 ELSE 0 END
              WHEN type = 'earned_hosting' THEN
                CASE WHEN d < 25 THEN 500 WHEN d < 40 THEN 1000 ELSE 0 END
              ELSE 0
         END AS cost
    FROM (SELECT l.*, kulti_seed.pick(session_n::bigint * 32 + coalesce(other_n, 0), 8, 100) AS d
            FROM kulti_seed.ledger l) l
), sums AS (
  SELECT *, sum(amount) OVER w AS income, sum(cost) OVER w AS wished
    FROM wishes
  WINDOW w AS (PARTITION BY user_n ORDER BY at, ord ROWS UNBOUNDED PRECEDING)
)
SELECT user_n, at + interval '5 minutes', 0, wish, -cost, session_n,
       CASE WHEN wish = 'spent_tipping' THEN (SELECT host_n FROM kulti_seed.sessions q
                                               WHERE q.s = session_n) END,
       NULL
  FROM sums
 WHERE wish IS NOT NULL AND wished <= income;

-- A tip's other half: the credit follows the debit, in a transaction of its own.
INSERT INTO kulti_seed.ledger
SELECT other_n, at + interval '40 milliseconds', 0, 'received_tip', -amount, session_n, user_n, NULL
  FROM kulti_seed.ledger WHERE type = 'spent_tipping';

-- What is derived from the ledger: totals per user and per session.
CREATE TABLE kulti_seed.balances AS
SELECT user_n,
       sum(amount)::integer AS balance,
       coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::integer AS earned,
       coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)::integer AS spent,
       max(at) AS updated_at
  FROM kulti_seed.ledger GROUP BY user_n;
CREATE UNIQUE INDEX ON kulti_seed.balances (user_n);

CREATE TABLE kulti_seed.payouts AS
SELECT session_n AS s, user_n, sum(amount)::integer AS credits
  FROM kulti_seed.ledger WHERE type LIKE 'earned\_%'
 GROUP BY session_n, user_n;
ANALYZE kulti_seed.ledger, kulti_seed.balances, kulti_seed.payouts;

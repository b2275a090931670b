-- title: sessions
-- group: business
-- when: Daily, and to know how normal today is.
-- requires: public.sessions, public.session_participants
-- verdict: info
-- noun: sessions
-- explanation: Sessions by status with people, lengths and those of the last day and week.
-- next: kulti-ops runbook check sessions-zombie sessions-unpaid
SELECT s.status, count(*) AS sessions,
       count(*) FILTER (WHERE s.started_at BETWEEN w.now - interval '1 day' AND w.now) AS begun_in_a_day,
       count(*) FILTER (WHERE s.started_at BETWEEN w.now - interval '7 days' AND w.now) AS begun_in_a_week,
       round((avg(extract(epoch FROM s.ended_at - s.started_at)) / 60)::numeric, 1) AS average_minutes,
       round(avg(coalesce(p.people, 0)), 1) AS average_people
  FROM public.sessions s
  LEFT JOIN (SELECT session_id, count(*) AS people FROM public.session_participants GROUP BY session_id) p
    ON p.session_id = s.id
 CROSS JOIN (SELECT coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now()) AS now) w
 GROUP BY s.status
 ORDER BY sessions DESC

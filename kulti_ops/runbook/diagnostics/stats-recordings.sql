-- title: recordings
-- group: business
-- when: Daily, and to know how normal today is.
-- requires: public.recordings
-- verdict: info
-- noun: recordings
-- explanation: Recordings by status with their length and those of the last day and week.
-- next: kulti-ops runbook check recordings-stuck recordings-success-rate
SELECT r.status, count(*) AS recordings,
       count(*) FILTER (WHERE r.created_at BETWEEN w.now - interval '1 day' AND w.now) AS made_in_a_day,
       count(*) FILTER (WHERE r.created_at BETWEEN w.now - interval '7 days' AND w.now) AS made_in_a_week,
       round(avg(r.duration) / 60, 1) AS average_minutes, max(r.created_at) AS newest_at
  FROM public.recordings r
 CROSS JOIN (SELECT coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now()) AS now) w
 GROUP BY r.status
 ORDER BY recordings DESC

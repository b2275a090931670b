-- title: every live session has a recent heartbeat
-- group: sessions
-- source: platform 4: zombies are live and without a heartbeat for hours
-- requires: public.sessions, public.session_participants
-- param: heartbeat_max_hours = 2
-- explanation: Clients send a heartbeat every 30 seconds. A session that has not started for
--   long enough to be judged is left out.
SELECT s.id AS session_id, s.room_code, s.host_id, max(p.last_heartbeat_at) AS last_heartbeat_at
  FROM public.sessions s
  LEFT JOIN public.session_participants p ON p.session_id = s.id
 CROSS JOIN (
   SELECT coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())
          - make_interval(hours => coalesce(
              nullif(current_setting('kulti_ops.heartbeat_max_hours', true), '')::integer, 2))
          AS oldest
 ) limits
 WHERE s.status = 'live' AND coalesce(s.started_at, s.created_at) < limits.oldest
 GROUP BY s.id, s.room_code, s.host_id, limits.oldest
HAVING coalesce(max(p.last_heartbeat_at), '-infinity') < limits.oldest

-- title: no session is scheduled in the past
-- group: sessions
-- source: platform 4, audit
-- requires: public.sessions
SELECT id AS session_id, room_code, host_id, started_at AS planned_for
  FROM public.sessions
 WHERE status = 'scheduled'
   AND started_at < coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())

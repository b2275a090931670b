-- title: no session is live for half a day
-- group: sessions
-- source: platform 4, audit: live > 12-24 h
-- requires: public.sessions
-- param: live_max_hours = 12
-- explanation: No job ends abandoned sessions: a host who closes the laptop leaves a zombie.
SELECT id AS session_id, room_code, host_id, coalesce(started_at, created_at) AS live_since
  FROM public.sessions
 WHERE status = 'live'
   AND coalesce(started_at, created_at)
       < coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())
         - make_interval(hours => coalesce(
             nullif(current_setting('kulti_ops.live_max_hours', true), '')::integer, 12))

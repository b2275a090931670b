-- title: every ended session was settled
-- group: sessions
-- source: platform 4, audit: ended with credits_calculated = false
-- requires: public.sessions
-- param: settle_grace_minutes = 10
-- explanation: Ending a session and paying its credits are separate steps; a session that
--   ended a moment ago is left out.
SELECT id AS session_id, room_code, host_id, ended_at
  FROM public.sessions
 WHERE status = 'ended' AND credits_calculated IS NOT TRUE
   AND coalesce(ended_at, '-infinity')
       < coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())
         - make_interval(mins => coalesce(
             nullif(current_setting('kulti_ops.settle_grace_minutes', true), '')::integer, 10))

-- title: every live session has someone in it
-- group: sessions
-- source: platform 4, audit: live without active participant
-- requires: public.sessions, public.session_participants
-- param: people_grace_minutes = 10
-- explanation: A session is live before its host's row is written, so a young one is left out.
SELECT s.id AS session_id, s.room_code, s.host_id, s.started_at
  FROM public.sessions s
 WHERE s.status = 'live'
   AND coalesce(s.started_at, s.created_at)
       < coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())
         - make_interval(mins => coalesce(
             nullif(current_setting('kulti_ops.people_grace_minutes', true), '')::integer, 10))
   AND NOT EXISTS (SELECT 1 FROM public.session_participants p
                    WHERE p.session_id = s.id AND p.is_active)

-- title: every live session has someone in it
-- group: sessions
-- source: platform 4, audit: live without active participant
-- requires: public.sessions, public.session_participants
SELECT s.id AS session_id, s.room_code, s.host_id, s.started_at
  FROM public.sessions s
 WHERE s.status = 'live'
   AND NOT EXISTS (SELECT 1 FROM public.session_participants p
                    WHERE p.session_id = s.id AND p.is_active)

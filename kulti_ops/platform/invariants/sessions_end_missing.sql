-- title: ended sessions have an end
-- group: sessions
-- source: platform 4, audit
-- requires: public.sessions
SELECT id AS session_id, room_code, started_at
  FROM public.sessions
 WHERE status = 'ended' AND ended_at IS NULL

-- title: no session ended before it started
-- group: sessions
-- source: platform 4, audit
-- requires: public.sessions
SELECT id AS session_id, room_code, started_at, ended_at
  FROM public.sessions
 WHERE ended_at < started_at

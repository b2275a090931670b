-- title: no recording runs on an ended session
-- group: recordings
-- source: platform 4
-- requires: public.recordings, public.sessions
SELECT r.id AS recording_id, r.session_id, r.hms_recording_id, s.ended_at
  FROM public.recordings r JOIN public.sessions s ON s.id = r.session_id
 WHERE r.status = 'recording' AND s.status = 'ended'

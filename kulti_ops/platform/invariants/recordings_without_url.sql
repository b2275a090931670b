-- title: every completed recording has its address
-- group: recordings
-- source: platform 4
-- requires: public.recordings
SELECT id AS recording_id, session_id, hms_recording_id, updated_at
  FROM public.recordings
 WHERE status = 'completed' AND coalesce(btrim(recording_url), '') = ''

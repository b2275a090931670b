-- title: no recording is stuck in processing
-- group: recordings
-- source: platform 4: processing > 1 h
-- requires: public.recordings
-- param: processing_max_hours = 1
-- explanation: The webhook that completes a recording changes nothing (it runs as anon and
--   the table has no policy for it) and still answers 200: stuck rows are the symptom.
SELECT id AS recording_id, session_id, hms_recording_id, updated_at
  FROM public.recordings
 WHERE status = 'processing'
   AND updated_at
       < coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())
         - make_interval(hours => coalesce(
             nullif(current_setting('kulti_ops.processing_max_hours', true), '')::integer, 1))

-- title: few recordings failed lately
-- group: platform
-- when: Hosts complain about recordings.
-- requires: public.recordings
-- param: failed_within_hours = 24
-- verdict: count
-- warn: 3
-- crit: 10
-- noun: recordings
-- evidence: SELECT count(*) AS examined FROM public.recordings
-- finding: recording {recording_id} failed at {failed_at}: {error}
-- explanation: Rows with status failed that were changed within failed_within_hours, with what the
--   video service said. One or two in a day happen.
-- next: kulti-ops runbook check recordings-success-rate
SELECT id AS recording_id, session_id, hms_recording_id, updated_at AS failed_at,
       metadata ->> 'error' AS error
  FROM public.recordings
 WHERE status = 'failed'
   AND updated_at >= coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())
       - make_interval(hours => coalesce(
           nullif(current_setting('kulti_ops.failed_within_hours', true), '')::integer, 24))
 ORDER BY updated_at DESC

-- title: no recording stands twice
-- group: recordings
-- source: platform 4: hms_recording_id is not unique
-- requires: public.recordings
SELECT hms_recording_id, count(*) AS rows, array_agg(id ORDER BY created_at) AS recording_ids
  FROM public.recordings
 GROUP BY hms_recording_id
HAVING count(*) > 1

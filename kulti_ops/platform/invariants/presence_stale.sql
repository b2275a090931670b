-- title: nobody is shown online who is gone
-- group: presence
-- source: platform 5: online rows older than 5 min are stale
-- requires: public.user_presence
-- param: presence_max_minutes = 5
-- explanation: cleanup_stale_presence() would mend it; nothing schedules it.
SELECT user_id, last_seen, current_session_id
  FROM public.user_presence
 WHERE is_online
   AND last_seen
       < coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())
         - make_interval(mins => coalesce(
             nullif(current_setting('kulti_ops.presence_max_minutes', true), '')::integer, 5))

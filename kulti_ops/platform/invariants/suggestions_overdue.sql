-- title: no open matchmaking suggestion is past its time
-- group: presence
-- source: platform 5: suggestions expire after 30 min
-- requires: public.matchmaking_suggestions
-- explanation: expire_matchmaking_suggestions() would mend it; nothing schedules it.
SELECT id AS suggestion_id, user_id, status, expires_at
  FROM public.matchmaking_suggestions
 WHERE status IN ('pending', 'viewed')
   AND expires_at < coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())

-- title: recordings succeed
-- group: platform
-- when: Weekly, and when hosts complain about recordings.
-- requires: public.recordings
-- param: success_days = 30
-- param: success_min_recordings = 20
-- verdict: success_percent <
-- warn: 95
-- crit: 90
-- noun: finished recordings, enough to judge
-- evidence: SELECT count(*) AS finished, CASE WHEN count(*) >= coalesce(nullif(
--   current_setting('kulti_ops.success_min_recordings', true), '')::integer, 20)
--   THEN count(*) ELSE 0 END AS examined FROM public.recordings WHERE status IN ('completed', 'failed')
--   AND updated_at BETWEEN coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())
--   - make_interval(days => coalesce(nullif(current_setting('kulti_ops.success_days', true), '')::integer, 30))
--   AND coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())
-- finding: {success_percent} % of the recordings of {days} days succeeded ({failed} of {finished} failed)
-- explanation: Completed against completed and failed, by the time of their last change. Fewer than
--   success_min_recordings are not judged. The platform's target is above 99 %, its
--   alarm below 95 %.
-- next: kulti-ops runbook check recordings-failed recordings-stuck
SELECT r.finished, r.failed, r.days,
       round(100.0 * (r.finished - r.failed) / r.finished, 2) AS success_percent
  FROM (
    SELECT count(*) AS finished, count(*) FILTER (WHERE status = 'failed') AS failed, max(w.days) AS days
      FROM public.recordings
     CROSS JOIN (SELECT coalesce(nullif(current_setting('kulti_ops.success_days', true), '')::integer, 30) AS days,
                        coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now()) AS now) w
     WHERE status IN ('completed', 'failed')
       AND updated_at BETWEEN w.now - make_interval(days => w.days) AND w.now
  ) r
 WHERE r.finished > 0
   AND r.finished >= coalesce(nullif(current_setting('kulti_ops.success_min_recordings', true), '')::integer, 20)

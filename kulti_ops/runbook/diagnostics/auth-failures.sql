-- title: people who sign in get in
-- group: platform
-- when: Users say that no code arrives or that they can't sign in.
-- requires: auth.users, auth.audit_log_entries
-- param: auth_window_minutes = 60
-- param: auth_grace_minutes = 10
-- param: auth_log_pages = 8192
-- verdict: failures >=
-- warn: 10
-- crit: 50
-- triage: 98
-- noun: logins
-- evidence: SELECT count(*) AS examined, max(last_sign_in_at) AS newest_sign_in FROM auth.users
-- finding: {failures} {what} in the last {minutes} minutes
-- explanation: What the database knows of failing logins within auth_window_minutes: codes that were
--   sent and not used within auth_grace_minutes, sign-ups repeated, and entries of the audit log
--   that name a failure. Revoked tokens are none: every refresh revokes the one before. The log
--   has no index of the time: while nothing was deleted from it, its last auth_log_pages pages
--   (64 MB) are read, else all of it. Wrong passwords are not in the database: look at the auth
--   service's log too.
-- next: kulti-ops runbook check auth-profiles-mismatch
SELECT f.what, f.failures, w.minutes
  FROM (
    SELECT coalesce(nullif(current_setting('kulti_ops.auth_window_minutes', true), '')::integer, 60) AS minutes,
           coalesce(nullif(current_setting('kulti_ops.auth_grace_minutes', true), '')::integer, 10) AS grace,
           coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now()) AS now
    OFFSET 0  -- once, not for every row
  ) w
 CROSS JOIN LATERAL (
    SELECT 'codes were sent and not used' AS what, count(*) AS failures
      FROM auth.users u
     CROSS JOIN LATERAL (SELECT greatest(u.confirmation_sent_at, u.recovery_sent_at, u.reauthentication_sent_at)) AS s (at)
     WHERE s.at BETWEEN w.now - make_interval(mins => w.minutes) AND w.now - make_interval(mins => w.grace)
       AND coalesce(u.last_sign_in_at, '-infinity') < s.at
    UNION ALL
    SELECT CASE WHEN a.payload ->> 'action' = 'user_repeated_signup' THEN 'sign-ups were repeated'
                ELSE 'audit entries name a failure' END, count(*)
      FROM auth.audit_log_entries a
     WHERE a.ctid >= (
        SELECT format('(%s,0)', CASE WHEN pg_stat_get_tuples_deleted(c.oid) = 0 THEN greatest(0, c.relpages
                 - coalesce(nullif(current_setting('kulti_ops.auth_log_pages', true), '')::integer, 8192)) ELSE 0 END)::tid
          FROM pg_class c WHERE c.oid = 'auth.audit_log_entries'::regclass)
       AND a.created_at BETWEEN w.now - make_interval(mins => w.minutes) AND w.now
       AND (a.payload ->> 'action' = 'user_repeated_signup' OR a.payload ->> 'action' ~ 'fail|invalid|denied')
     GROUP BY 1
 ) f
 ORDER BY f.failures DESC

-- title: invite codes are far from running out
-- group: platform
-- when: Signing up hangs.
-- requires: public.invites
-- verdict: used_percent >=
-- warn: 70
-- crit: 95
-- triage: 95
-- noun: invites
-- evidence: SELECT count(*) AS examined FROM public.invites
-- finding: {codes} of 65536 possible invite codes exist ({used_percent} %)
-- explanation: A code is K and four hexadecimal digits: there are 65,536. The fuller the space, the
--   longer generate_invite_code() tries; when it is full it tries for ever, and signing up hangs
--   with it. Codes of another form don't count.
-- next: psql "$DATABASE_URL" -c 'SELECT count(*) FROM public.invites WHERE NOT is_active AND current_uses = 0'
SELECT i.codes, round(100.0 * i.codes / 65536, 2) AS used_percent, i.unused, i.expired_unused
  FROM (
    SELECT count(DISTINCT code) FILTER (WHERE code ~ '^K[0-9A-F]{4}$') AS codes,
           count(*) FILTER (WHERE coalesce(current_uses, 0) = 0) AS unused,
           count(*) FILTER (WHERE coalesce(current_uses, 0) = 0 AND expires_at
             < coalesce(nullif(current_setting('kulti_ops.now', true), '')::timestamptz, now())) AS expired_unused
      FROM public.invites
  ) i

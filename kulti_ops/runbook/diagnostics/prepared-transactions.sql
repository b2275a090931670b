-- title: no prepared transaction was forgotten
-- group: database
-- when: `blocking` names pid 0 as the root, or locks outlive every session and even a restart.
-- verdict: age_s >=
-- warn: 300
-- crit: 3600
-- triage: 35
-- finding: prepared transaction {gid} of {owner} has been waiting for {age_s} s
-- explanation: PREPARE TRANSACTION without COMMIT PREPARED keeps its locks for ever, without a
--   session. The platform uses none.
-- next: psql "$DATABASE_URL" -c "ROLLBACK PREPARED '{gid}'"
SELECT p.gid, p.owner::text AS owner, p.database::text AS database, p.prepared AS prepared_at,
       round(extract(epoch FROM clock_timestamp() - p.prepared)::numeric, 1) AS age_s
  FROM pg_prepared_xacts p
 ORDER BY age_s DESC

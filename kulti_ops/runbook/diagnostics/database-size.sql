-- title: the database fits its plan
-- group: database
-- when: Costs rise, or the disk warns.
-- verdict: size_gb >=
-- warn: 40
-- crit: 50
-- triage: 90
-- finding: database {database} has {size_gb} GB
-- explanation: The platform's plan says to act at 50 GB. The platform makes a project read-only when
--   its disk is full.
-- next: kulti-ops runbook check sizes bloat
SELECT current_database()::text AS database,
       round(pg_database_size(current_database()) / 1e9, 3) AS size_gb

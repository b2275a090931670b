-- title: no expected migration is missing, and all versions sort
-- group: platform
-- when: The application expects a column that is not there; before and after a deploy.
-- requires: supabase_migrations.schema_migrations
-- param: expected_migrations = (none)
-- verdict: count
-- crit: 1
-- noun: migrations
-- evidence: SELECT count(*) AS examined, max(version) AS newest, coalesce(cardinality(string_to_array(
--   nullif(current_setting('kulti_ops.expected_migrations', true), ''), ' ')), 0) AS expected
--   FROM supabase_migrations.schema_migrations
-- finding: migration {version} {problem}
-- explanation: Versions that the setting expected_migrations names (space-separated; without it none is
--   expected, and none can be missing) and that were not applied, and versions that are no time stamp of 14 digits: those sort wrongly, and the next
--   migration may be skipped.
-- next: psql "$DATABASE_URL" -c 'SELECT version, name FROM supabase_migrations.schema_migrations ORDER BY version'
SELECT w.version, 'was not applied' AS problem
  FROM unnest(string_to_array(nullif(current_setting('kulti_ops.expected_migrations', true), ''), ' ')) AS w (version)
 WHERE NOT EXISTS (SELECT 1 FROM supabase_migrations.schema_migrations m WHERE m.version = w.version)
UNION ALL
SELECT m.version, 'has a version that is no time stamp'
  FROM supabase_migrations.schema_migrations m
 WHERE m.version !~ '^[0-9]{14}$'
 ORDER BY version

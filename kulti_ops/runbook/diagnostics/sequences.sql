-- title: sequences are far from their end
-- group: database
-- when: Inserts fail with "reached maximum value of sequence" or "integer out of range".
-- verdict: used_percent >=
-- warn: 75
-- crit: 90
-- triage: 75
-- noun: sequences
-- evidence: SELECT count(*) FILTER (WHERE has_sequence_privilege(c.oid, 'SELECT, USAGE')) AS examined,
--   count(*) FILTER (WHERE NOT has_sequence_privilege(c.oid, 'SELECT, USAGE')) AS unexamined
--   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
--   WHERE c.relkind = 'S' AND n.nspname NOT LIKE 'pg\_%'
-- finding: {sequence_name} has used {used_percent} % of what {limited_by} can hold
-- explanation: The last value against the sequence's own end, or that of the column it feeds, which
--   may be a smaller type. Sequences that begin anew at their end are left out.
-- next: kulti-ops runbook explain sequences
SELECT quote_ident(s.schemaname) || '.' || quote_ident(s.sequencename) AS sequence_name,
       s.last_value, e.last AS end_value,
       CASE WHEN e.by_column THEN 'column ' || c.attname ELSE 'the sequence' END AS limited_by,
       round(100.0 * (s.last_value - s.start_value) / nullif(e.last - s.start_value, 0), 2) AS used_percent
  FROM pg_sequences s
  JOIN pg_namespace n ON n.nspname = s.schemaname
  JOIN pg_class q ON q.relnamespace = n.oid AND q.relname = s.sequencename
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = q.oid
       AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
  LEFT JOIN pg_attribute c ON c.attrelid = d.refobjid AND c.attnum = d.refobjsubid
 CROSS JOIN LATERAL (
    SELECT CASE format_type(c.atttypid, NULL) WHEN 'smallint' THEN 32767::numeric WHEN 'integer' THEN 2147483647::numeric END
 ) AS t (top)
 CROSS JOIN LATERAL (
    SELECT CASE WHEN s.increment_by < 0 THEN s.min_value::numeric ELSE least(s.max_value::numeric, t.top) END,
           s.increment_by > 0 AND t.top < s.max_value
 ) AS e (last, by_column)
 WHERE NOT s.cycle AND s.last_value IS NOT NULL
 ORDER BY used_percent DESC NULLS LAST

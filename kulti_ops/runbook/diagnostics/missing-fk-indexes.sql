-- title: large referring tables have an index for each reference
-- group: database
-- when: Deleting a user or a session is slow, or joins along a reference are.
-- param: fk_min_rows = 10000
-- verdict: count
-- warn: 1
-- key: foreign_key
-- noun: foreign keys
-- evidence: SELECT count(*) AS examined FROM pg_constraint k WHERE k.contype = 'f'
-- finding: {table_name} ({rows_estimate} rows) has no index that begins with {columns}, which refers to {refers_to}
-- explanation: Each delete or key change in the table referred to looks for its rows: without an
--   index that is a scan of the whole table, for every row. Tables below fk_min_rows don't count.
-- next: kulti-ops runbook check seq-scans
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS table_name,
       k.conname AS foreign_key, k.confrelid::regclass::text AS refers_to,
       string_agg(quote_ident(a.attname), ', ' ORDER BY u.i) AS columns,
       e.n AS rows_estimate
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (SELECT greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid))) AS e (n)
 CROSS JOIN LATERAL unnest(k.conkey) WITH ORDINALITY AS u (attnum, i)
  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum
 WHERE k.contype = 'f' AND c.relkind IN ('r', 'p')
   AND e.n >= coalesce(nullif(current_setting('kulti_ops.fk_min_rows', true), '')::bigint, 10000)
   AND NOT EXISTS (
     SELECT 1 FROM pg_index x
      WHERE x.indrelid = k.conrelid AND x.indisvalid
        -- a partial index serves when it leaves out only rows that refer to nothing
        AND (x.indpred IS NULL OR x.indpred::text
             ~ ('^\{NULLTEST :arg \{VAR :varno 1 :varattno ' || k.conkey[1] || ' [^{}]*\} :nulltesttype 1 '))
        AND (string_to_array(x.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)] @> k.conkey
   )
 GROUP BY n.nspname, c.relname, k.conname, k.confrelid, e.n
 ORDER BY e.n DESC, k.conname

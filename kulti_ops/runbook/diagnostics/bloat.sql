-- title: tables are about as large as their rows need
-- group: database
-- when: Tables grow faster than their rows; sequential scans get slower.
-- param: bloat_min_percent = 40
-- verdict: wasted_mb >=
-- warn: 50
-- crit: 5000
-- noun: tables
-- evidence: SELECT count(*) FILTER (WHERE w.known) AS examined,
--   count(*) FILTER (WHERE NOT w.known AND greatest(c.reltuples, s.n_live_tup) > 10000) AS unexamined,
--   min(greatest(s.last_analyze, s.last_autoanalyze)) AS oldest_analyze
--   FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
--   CROSS JOIN LATERAL (SELECT c.reltuples >= 0 AND EXISTS (SELECT 1 FROM pg_stats st
--   WHERE st.schemaname = s.schemaname AND st.tablename = s.relname AND NOT st.inherited)) AS w (known)
--   WHERE c.relkind IN ('r', 'm')
-- finding: {table_name} wastes about {wasted_mb} MB ({bloat_percent} % of it)
-- explanation: An estimate: pages in use against pages that the rows need by the column widths that
--   ANALYZE found, and the fill factor. A table that was never analysed, or whose statistics
--   the role may not read, is not examined; it counts when it has more than 10,000 rows. Only
--   tables whose waste is at least bloat_min_percent are shown. Indexes and TOAST are not judged.
-- next: psql "$DATABASE_URL" -c 'VACUUM (VERBOSE, ANALYZE) {table_name}'
SELECT e.table_name, e.rows_estimate,
       round(e.relpages * e.block / 1e6, 1) AS table_mb,
       round((e.relpages - e.needed) * e.block / 1e6, 1) AS wasted_mb,
       round(100 * (e.relpages - e.needed) / e.relpages, 1) AS bloat_percent
  FROM (
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS table_name,
           c.reltuples::bigint AS rows_estimate, c.relpages::numeric AS relpages, b.block,
           ceil(c.reltuples::numeric * (28 + 8 * ceil(w.width::numeric / 8))
                / ((b.block - 24) * coalesce(f.fillfactor, 100) / 100)) AS needed
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     CROSS JOIN (SELECT current_setting('block_size')::numeric AS block) b
     CROSS JOIN LATERAL (
        SELECT sum((1 - s.stanullfrac) * s.stawidth)::numeric AS width
          FROM (SELECT st.null_frac AS stanullfrac, st.avg_width AS stawidth
                  FROM pg_stats st
                 WHERE st.schemaname = n.nspname AND st.tablename = c.relname AND NOT st.inherited) s
     ) w
      LEFT JOIN LATERAL (
        SELECT o.option_value::numeric AS fillfactor
          FROM pg_options_to_table(c.reloptions) o WHERE o.option_name = 'fillfactor'
     ) f ON true
     WHERE c.relkind IN ('r', 'm') AND c.reltuples >= 0 AND c.relpages > 128 AND w.width IS NOT NULL
       AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
  ) e
 WHERE 100 * (e.relpages - e.needed) / e.relpages
       >= coalesce(nullif(current_setting('kulti_ops.bloat_min_percent', true), '')::numeric, 40)
 ORDER BY wasted_mb DESC

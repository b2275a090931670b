-- title: autovacuum keeps up
-- group: database
-- when: Dead rows pile up, tables grow, plans go wrong.
-- param: vacuum_min_dead = 100000
-- param: vacuum_min_percent = 20
-- verdict: times_threshold >=
-- warn: 2
-- crit: 10
-- noun: tables whose dead rows are counted
-- evidence: SELECT count(*) FILTER (WHERE NOT pg_is_in_recovery()) AS examined FROM pg_stat_user_tables
-- finding: {table_name} has {dead_rows} dead rows ({dead_percent} %), {times_threshold} times what starts autovacuum
-- explanation: Tables with at least vacuum_min_dead dead rows that are vacuum_min_percent of it,
--   against the threshold that holds for the table (its own storage parameters first). Something
--   holds VACUUM back, it is switched off there, or it can't keep up.
--   A standby counts no dead rows: ask the primary.
-- next: kulti-ops runbook check xmin-horizon
SELECT t.table_name, t.dead_rows, t.live_rows,
       round(100.0 * t.dead_rows / greatest(1, t.dead_rows + t.live_rows), 1) AS dead_percent,
       round((t.dead_rows / greatest(1, t.base + t.scale * t.live_rows))::numeric, 1) AS times_threshold,
       t.autovacuum, t.last_vacuum
  FROM (
    SELECT quote_ident(s.schemaname) || '.' || quote_ident(s.relname) AS table_name,
           s.n_dead_tup AS dead_rows, s.n_live_tup AS live_rows,
           greatest(s.last_vacuum, s.last_autovacuum) AS last_vacuum,
           coalesce(o.base, current_setting('autovacuum_vacuum_threshold')::numeric) AS base,
           coalesce(o.scale, current_setting('autovacuum_vacuum_scale_factor')::numeric) AS scale,
           CASE WHEN coalesce(o.enabled, true) AND current_setting('autovacuum')::bool THEN 'on' ELSE 'off' END
             AS autovacuum
      FROM pg_stat_user_tables s
      JOIN pg_class c ON c.oid = s.relid
      LEFT JOIN LATERAL (
        SELECT max(p.option_value::numeric) FILTER (WHERE p.option_name = 'autovacuum_vacuum_threshold') AS base,
               max(p.option_value::numeric) FILTER (WHERE p.option_name = 'autovacuum_vacuum_scale_factor') AS scale,
               bool_and(p.option_value::bool) FILTER (WHERE p.option_name = 'autovacuum_enabled') AS enabled
          FROM pg_options_to_table(c.reloptions) p
         WHERE p.option_name LIKE 'autovacuum\_%'
     ) o ON true
  ) t
 WHERE t.dead_rows >= coalesce(nullif(current_setting('kulti_ops.vacuum_min_dead', true), '')::bigint, 100000)
   AND 100.0 * t.dead_rows / greatest(1, t.dead_rows + t.live_rows)
       >= coalesce(nullif(current_setting('kulti_ops.vacuum_min_percent', true), '')::numeric, 20)
 ORDER BY times_threshold DESC

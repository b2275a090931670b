-- title: every trigger fires
-- group: access
-- when: Counters stand still, references lead nowhere; after a restore or a bulk load.
-- param: trigger_schemas = public,auth,storage
-- verdict: count
-- crit: 1
-- triage: 65
-- key: trigger_name
-- noun: triggers
-- evidence: SELECT count(*) AS examined FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
--   JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY (string_to_array(
--   coalesce(nullif(current_setting('kulti_ops.trigger_schemas', true), ''), 'public,auth,storage'), ','))
-- finding: {trigger_name} on {table_name} does not fire ({state})
-- explanation: Triggers that were switched off, also those that enforce foreign keys: a restore with
--   --disable-triggers that broke off leaves them so, and references are no longer checked. A
--   trigger that fires for replicas only counts as off. Those of foreign keys are switched on
--   with ALL, which only a superuser may: without one, drop the foreign key and add it again.
--   Afterwards look for rows that lead nowhere.
-- next: psql "$DATABASE_URL" -c 'ALTER TABLE {table_name} ENABLE TRIGGER {to_enable}'
SELECT quote_ident(t.tgname) AS trigger_name,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS table_name,
       CASE t.tgenabled WHEN 'D' THEN 'disabled' ELSE 'for replicas only' END AS state,
       t.tgisinternal AS enforces_reference, k.conname AS foreign_key,
       CASE WHEN t.tgisinternal THEN 'ALL' ELSE quote_ident(t.tgname) END AS to_enable
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_constraint k ON k.oid = t.tgconstraint
 WHERE t.tgenabled IN ('D', 'R')
   AND n.nspname = ANY (string_to_array(
         coalesce(nullif(current_setting('kulti_ops.trigger_schemas', true), ''), 'public,auth,storage'), ','))
 ORDER BY table_name, trigger_name

-- title: no index does another one's work
-- group: database
-- when: Writes are slow or the database is large, and you look for what can go.
-- verdict: count
-- warn: 1
-- key: index_name
-- noun: indexes
-- evidence: SELECT count(*) AS examined FROM pg_stat_user_indexes
-- finding: {index_name} is the same as {same_as} ({size_mb} MB)
-- explanation: Two indexes of one table with the same method, columns, operators, order,
--   expressions and condition; of unique ones also the same say about NULLs. The one that serves a constraint, or the older one, is kept.
-- next: psql "$DATABASE_URL" -c 'DROP INDEX CONCURRENTLY {index_name}'
SELECT DISTINCT ON (d.indexrelid)
       quote_ident(d.nspname) || '.' || quote_ident(d.relname) AS index_name,
       quote_ident(k.nspname) || '.' || quote_ident(k.relname) AS same_as,
       round(d.relpages * current_setting('block_size')::numeric / 1e6, 1) AS size_mb
  FROM (
    SELECT x.*, c.relname, c.relam, c.relpages, n.nspname,
           coalesce(pg_get_expr(x.indexprs, x.indrelid), '') AS expressions,
           coalesce(pg_get_expr(x.indpred, x.indrelid), '') AS condition,
           x.indisprimary::int * 4 + x.indisunique::int * 2
             + EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = x.indexrelid)::int AS worth
      FROM pg_index x
      JOIN pg_class c ON c.oid = x.indexrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE x.indisvalid AND n.nspname NOT LIKE 'pg\_%'
  ) d
  JOIN (
    SELECT x.*, c.relname, c.relam, n.nspname,
           coalesce(pg_get_expr(x.indexprs, x.indrelid), '') AS expressions,
           coalesce(pg_get_expr(x.indpred, x.indrelid), '') AS condition,
           x.indisprimary::int * 4 + x.indisunique::int * 2
             + EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = x.indexrelid)::int AS worth
      FROM pg_index x
      JOIN pg_class c ON c.oid = x.indexrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE x.indisvalid
  ) k ON k.indrelid = d.indrelid AND k.indexrelid <> d.indexrelid AND k.relam = d.relam
     AND k.indkey::text = d.indkey::text AND k.indclass::text = d.indclass::text
     AND k.indcollation::text = d.indcollation::text AND k.indoption::text = d.indoption::text
     AND k.indnkeyatts = d.indnkeyatts AND k.expressions = d.expressions AND k.condition = d.condition
     AND (k.worth > d.worth OR (k.worth = d.worth AND k.indexrelid < d.indexrelid))
     AND (NOT d.indisunique OR (k.indisunique AND k.indimmediate AND k.indnullsnotdistinct = d.indnullsnotdistinct))
 WHERE NOT d.indisprimary AND NOT d.indisreplident AND d.worth & 1 = 0
 ORDER BY d.indexrelid, k.worth DESC, k.indexrelid

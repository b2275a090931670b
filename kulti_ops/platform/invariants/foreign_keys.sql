-- title: every reference leads somewhere
-- group: references
-- source: platform 2: 53 foreign keys of public, and those of the vendor's schemas
-- requires: pg_catalog.pg_constraint
-- explanation: A restore with session_replication_role = replica checks no reference. Every
--   validated foreign key outside the system's schemas is counted here by an anti-join of its
--   own (query_to_xml runs it); a reference with a NULL in it refers to nothing and is left out.
WITH keys AS (
    SELECT c.conname, c.conrelid, c.confrelid,
           -- A plain table's key says nothing about tables that inherit from it.
           CASE WHEN child.relkind = 'r' THEN 'ONLY ' ELSE '' END || c.conrelid::regclass AS child,
           CASE WHEN parent.relkind = 'r' THEN 'ONLY ' ELSE '' END || c.confrelid::regclass AS parent,
           string_agg(format('r.%I = c.%I', fa.attname, ca.attname), ' AND ' ORDER BY k.i) AS joined,
           string_agg(format('c.%I IS NOT NULL', ca.attname), ' AND ' ORDER BY k.i) AS filled
      FROM pg_catalog.pg_constraint c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
      JOIN pg_catalog.pg_class child ON child.oid = c.conrelid
      JOIN pg_catalog.pg_class parent ON parent.oid = c.confrelid
     CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k (child_attnum, parent_attnum, i)
      JOIN pg_catalog.pg_attribute ca ON ca.attrelid = c.conrelid AND ca.attnum = k.child_attnum
      JOIN pg_catalog.pg_attribute fa ON fa.attrelid = c.confrelid AND fa.attnum = k.parent_attnum
     WHERE c.contype = 'f' AND c.convalidated AND c.conparentid = 0
       AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
     GROUP BY c.oid, c.conname, c.conrelid, c.confrelid, child.relkind, parent.relkind
), counted AS (
    SELECT conrelid::regclass::text AS table_name, conname AS foreign_key,
           confrelid::regclass::text AS refers_to,
           ((xpath('/row/n/text()', query_to_xml(format(
               'SELECT count(*) AS n FROM %s c WHERE %s AND NOT EXISTS (SELECT 1 FROM %s r WHERE %s)',
               child, filled, parent, joined),
               false, true, '')))[1])::text::bigint AS orphans
      FROM keys
)
SELECT table_name, foreign_key, refers_to, orphans
  FROM counted
 WHERE orphans > 0

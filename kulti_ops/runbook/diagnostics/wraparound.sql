-- title: transaction numbers are far from running out
-- group: database
-- when: The log warns of "must be vacuumed within … transactions", or a VACUUM has not finished for days.
-- verdict: used_percent >=
-- warn: 25
-- crit: 50
-- triage: 80
-- noun: databases
-- evidence: SELECT count(*) AS examined FROM pg_database
-- finding: {kind} {name} has used {used_percent} % of its {counter} ({age})
-- explanation: At 100 % the server refuses to write. autovacuum_freeze_max_age (200 million, about
--   10 %) starts a VACUUM that can't be refused; 25 % means that it does not get through. Both
--   counters are shown, transactions and MultiXacts, for databases and the oldest tables.
-- next: kulti-ops runbook check xmin-horizon vacuum
SELECT w.kind, w.name, w.counter, w.age, round(100.0 * w.age / 2146483648, 1) AS used_percent
  FROM (
    SELECT 'database' AS kind, d.datname::text AS name, v.counter, v.age
      FROM pg_database d
     CROSS JOIN LATERAL (VALUES ('transactions', age(d.datfrozenxid)),
                                ('multixacts', mxid_age(d.datminmxid))) AS v (counter, age)
    UNION ALL
    (SELECT 'table', quote_ident(n.nspname) || '.' || quote_ident(c.relname), v.counter, v.age
       FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
      CROSS JOIN LATERAL (VALUES ('transactions', age(c.relfrozenxid)),
                                 ('multixacts', mxid_age(c.relminmxid))) AS v (counter, age)
      WHERE c.relkind IN ('r', 'm', 't')
      ORDER BY v.age DESC LIMIT 10)
  ) w
 ORDER BY w.age DESC, w.kind, w.name

-- Views and materialized views that depend on each other, and rules.
SET ROLE postgres;

CREATE MATERIALIZED VIEW edge_cases.totals AS
SELECT region, count(*) AS n, sum(value) AS total
  FROM edge_cases.measurements GROUP BY region;
CREATE UNIQUE INDEX totals_region_idx ON edge_cases.totals (region);
CREATE MATERIALIZED VIEW edge_cases.grand_total AS
SELECT sum(n) AS n, sum(total) AS total FROM edge_cases.totals;
-- Out of date on purpose: a restore refreshes, and then has more than the source.
CREATE MATERIALIZED VIEW edge_cases.stale AS SELECT count(*) AS n FROM edge_cases.replica_full;
INSERT INTO edge_cases.replica_full VALUES (4, 'after the refresh');
COMMENT ON MATERIALIZED VIEW edge_cases.stale IS 'older than its table';

-- Two views that name each other; no query on them can run, yet a dump has to carry them.
CREATE VIEW edge_cases.circle_a AS SELECT 1 AS x;
CREATE VIEW edge_cases.circle_b AS SELECT x FROM edge_cases.circle_a;
CREATE OR REPLACE VIEW edge_cases.circle_a AS SELECT x FROM edge_cases.circle_b;

-- Grouped by a primary key: the view needs the constraint, which a dump makes after the data.
CREATE VIEW edge_cases.grouped AS
SELECT s.id, s.note, count(a.id) AS archived
  FROM edge_cases.session s LEFT JOIN edge_cases.sessions_archive a ON a.id = s.id
 GROUP BY s.id;

CREATE VIEW edge_cases.checked WITH (security_barrier = true, security_invoker = true) AS
SELECT id, note FROM edge_cases.session WHERE id > 0
  WITH LOCAL CHECK OPTION;

CREATE VIEW edge_cases.writable AS SELECT id, note FROM edge_cases.sessions_archive;
CREATE RULE writable_insert AS ON INSERT TO edge_cases.writable
    DO INSTEAD INSERT INTO edge_cases.sessions_archive (id, note) VALUES (NEW.id, NEW.note);
CREATE RULE keep_deleted AS ON DELETE TO edge_cases."Session"
    DO ALSO INSERT INTO edge_cases.sessions_archive VALUES (OLD.id + 100, OLD.note);
COMMENT ON RULE keep_deleted ON edge_cases."Session" IS 'it''s a rule; -- \.';

CREATE RECURSIVE VIEW edge_cases.numbers (n) AS
    VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 5;

RESET ROLE;

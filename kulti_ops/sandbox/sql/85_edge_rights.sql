-- Rights that are easily lost or widened: chains, columns, less than the default, large objects.
SET ROLE postgres;

CREATE TABLE edge_cases.granted_in_a_chain (id integer PRIMARY KEY, note text);
INSERT INTO edge_cases.granted_in_a_chain VALUES (1, 'who granted this?');
GRANT SELECT, INSERT ON edge_cases.granted_in_a_chain TO kulti_analyst WITH GRANT OPTION;
RESET ROLE;
SET ROLE kulti_analyst;
GRANT SELECT ON edge_cases.granted_in_a_chain TO kulti_reader;
RESET ROLE;
SET ROLE postgres;

CREATE TABLE edge_cases.granted_by_column (id integer PRIMARY KEY, note text, secret text);
INSERT INTO edge_cases.granted_by_column VALUES (1, 'public', 'not for all');
REVOKE ALL ON edge_cases.granted_by_column FROM anon;
GRANT SELECT (id, note), UPDATE (note) ON edge_cases.granted_by_column TO authenticated;
GRANT SELECT (id) ON edge_cases.granted_by_column TO anon WITH GRANT OPTION;

-- The default privileges of this schema give anon SELECT: not on this table.
CREATE TABLE edge_cases.hardened_table (id integer PRIMARY KEY, note text);
INSERT INTO edge_cases.hardened_table VALUES (1, 'not for anon');
REVOKE ALL ON edge_cases.hardened_table FROM anon;

-- Not even the owner may change this one.
CREATE TABLE edge_cases.frozen (id integer PRIMARY KEY, note text);
INSERT INTO edge_cases.frozen VALUES (1, 'read only');
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON edge_cases.frozen FROM postgres;

REVOKE EXECUTE ON FUNCTION edge_cases.hardened(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION edge_cases.hardened(integer) TO authenticated;
GRANT EXECUTE ON PROCEDURE edge_cases.do_nothing(text) TO PUBLIC;
GRANT USAGE ON SEQUENCE edge_cases.countdown TO authenticated;
REVOKE USAGE ON TYPE edge_cases.mood FROM PUBLIC;
GRANT USAGE ON TYPE edge_cases.mood TO authenticated;

-- Two large objects, one with rights of its own. pg_read_all_data does not cover large
-- objects: they must belong to the role that dumps.
SELECT lo_from_bytea(990001, convert_to(repeat(E'large object\n\\.\n', 20000), 'UTF8'));
SELECT lo_from_bytea(990002, decode(md5('kulti') || '00ff', 'hex'));
GRANT SELECT ON LARGE OBJECT 990002 TO authenticated;
COMMENT ON LARGE OBJECT 990002 IS 'a "large" object that''s small';
CREATE TABLE edge_cases.attachments (id integer PRIMARY KEY, data oid, file_name text);
INSERT INTO edge_cases.attachments VALUES (1, 990001, 'notes.txt'), (2, 990002, E'odd\nname.bin');

RESET ROLE;

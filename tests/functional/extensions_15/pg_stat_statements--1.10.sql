-- Only the functions' names: rights on them are part of a project.
CREATE FUNCTION pg_stat_statements_reset(oid, oid, bigint) RETURNS void
    LANGUAGE sql AS 'SELECT NULL::void';

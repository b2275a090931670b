-- A stand-in, not the real thing: uuid-ossp needs a UUID library that the embedded
-- PostgreSQL is built without. uuid_generate_v4() is gen_random_uuid() under its older
-- name (both are version 4), uuid_nil() and the namespaces are constants. The functions
-- for versions 1, 3 and 5 are left out rather than faked.
\echo Use "CREATE EXTENSION "uuid-ossp"" to load this file. \quit

CREATE FUNCTION uuid_generate_v4() RETURNS uuid
    LANGUAGE sql VOLATILE PARALLEL SAFE
    AS 'SELECT pg_catalog.gen_random_uuid()';

CREATE FUNCTION uuid_nil() RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT ''00000000-0000-0000-0000-000000000000''::pg_catalog.uuid';

CREATE FUNCTION uuid_ns_dns() RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT ''6ba7b810-9dad-11d1-80b4-00c04fd430c8''::pg_catalog.uuid';

CREATE FUNCTION uuid_ns_url() RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT ''6ba7b811-9dad-11d1-80b4-00c04fd430c8''::pg_catalog.uuid';

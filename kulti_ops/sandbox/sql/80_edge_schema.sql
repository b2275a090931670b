-- Schema edge_cases: what a dump, a restore or a comparison can trip over. Everything belongs
-- to postgres and nothing belongs to the platform. Two roles of the customer's own serve the
-- grants below; postgres made them and, as since PostgreSQL 16, has ADMIN on them, no more.
SET ROLE postgres;

CREATE ROLE kulti_analyst NOLOGIN;
CREATE ROLE kulti_reader NOLOGIN CONNECTION LIMIT 3 VALID UNTIL '2099-12-31 23:59:59.5+00';
COMMENT ON ROLE kulti_reader IS 'it''s only reading; -- \.';
ALTER ROLE kulti_reader SET default_transaction_read_only TO 'on';

CREATE SCHEMA edge_cases;
COMMENT ON SCHEMA edge_cases IS E'what breaks naive tools: "quotes", ''apostrophes'',\n-- Name: fake; Type: TABLE\n\\.\nand a line feed';
GRANT USAGE ON SCHEMA edge_cases TO anon, authenticated, kulti_analyst, kulti_reader;

-- New tables of this schema are readable for anon; one table below is hardened against that.
ALTER DEFAULT PRIVILEGES IN SCHEMA edge_cases GRANT SELECT ON TABLES TO anon;

CREATE TYPE edge_cases.mood AS ENUM ('sad', 'it''s ok', 'happy "quoted"', '😀');
CREATE TYPE edge_cases.address AS (street text, zip varchar(10), geo point);
CREATE TYPE edge_cases.span AS RANGE (subtype = numeric);
CREATE DOMAIN edge_cases.percentage AS numeric(5,2) NOT NULL DEFAULT 0
    CONSTRAINT percentage_bounds CHECK (VALUE >= 0 AND VALUE <= 100);
COMMENT ON TYPE edge_cases.mood IS 'an enum with odd labels';
COMMENT ON DOMAIN edge_cases.percentage IS '0 % to 100 %';

-- ICU is not in every build; this collation is.
CREATE COLLATION edge_cases.byte_order (provider = libc, locale = 'C');
CREATE TEXT SEARCH DICTIONARY edge_cases.plain_dict (TEMPLATE = pg_catalog.simple, stopwords = english);
CREATE TEXT SEARCH CONFIGURATION edge_cases.plain_words (COPY = pg_catalog.simple);
ALTER TEXT SEARCH CONFIGURATION edge_cases.plain_words
    ALTER MAPPING FOR asciiword WITH edge_cases.plain_dict;

RESET ROLE;

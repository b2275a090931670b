-- Functions and what hangs on them: triggers in every state, aggregates, operators, casts.
SET ROLE postgres;

-- Looks like several entries of a dump from the inside.
CREATE FUNCTION edge_cases.fake_dump() RETURNS text
    LANGUAGE plpgsql AS $fake$
DECLARE
  body text := $body$
--
-- TOC entry 3456 (class 1259 OID 16400)
-- Name: profiles; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.profiles (id integer);

COPY public.profiles (id) FROM stdin;
1
\.

$body$;
BEGIN
-- Data for Name: sessions; Type: TABLE DATA; Schema: public; Owner: postgres
/*
COPY public.sessions (id) FROM stdin;
\.
*/
  RETURN body || 'it''s "quoted"' || E'\\.\n';
END;
$fake$;
COMMENT ON FUNCTION edge_cases.fake_dump() IS E'-- TOC entry 9999 (class 0 OID 0)\nCOPY x FROM stdin;\n\\.\n';

CREATE FUNCTION edge_cases.hardened(p_id integer) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path TO 'pg_catalog', 'edge_cases'
    SET statement_timeout TO '1s' AS
'SELECT note FROM session WHERE id = p_id';

CREATE FUNCTION edge_cases.atomic(a integer, b integer DEFAULT 2) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
      SELECT a + b;
    END;
CREATE FUNCTION edge_cases.overloaded(a integer) RETURNS text
    LANGUAGE sql IMMUTABLE AS 'SELECT ''integer''';
CREATE FUNCTION edge_cases.overloaded(a text) RETURNS text
    LANGUAGE sql IMMUTABLE AS 'SELECT ''text''';
CREATE FUNCTION edge_cases.overloaded(VARIADIC a numeric[]) RETURNS text
    LANGUAGE sql IMMUTABLE AS 'SELECT ''variadic''';
CREATE FUNCTION edge_cases."Odd ""Name"""(INOUT "In Out" text, OUT n integer)
    LANGUAGE sql AS 'SELECT $1 || $$;$$, 1';
CREATE PROCEDURE edge_cases.do_nothing(p_note text DEFAULT 'it''s; --')
    LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE '%', p_note;
END;
$$;

CREATE FUNCTION edge_cases.longer(a text, b text) RETURNS text
    LANGUAGE sql IMMUTABLE AS 'SELECT CASE WHEN length(b) > length(a) THEN b ELSE a END';
CREATE AGGREGATE edge_cases.longest(text) (
    SFUNC = edge_cases.longer, STYPE = text, INITCOND = '');
COMMENT ON AGGREGATE edge_cases.longest(text) IS 'the longest text';
CREATE FUNCTION edge_cases.same_letters(a text, b text) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS 'SELECT lower(a) = lower(b)';
CREATE OPERATOR edge_cases.=~= (
    FUNCTION = edge_cases.same_letters, LEFTARG = text, RIGHTARG = text,
    COMMUTATOR = OPERATOR(edge_cases.=~=));
CREATE FUNCTION edge_cases.mood_number(m edge_cases.mood) RETURNS integer
    LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE m WHEN 'sad' THEN 0 WHEN 'it''s ok' THEN 1 ELSE 2 END
$$;
CREATE CAST (edge_cases.mood AS integer) WITH FUNCTION edge_cases.mood_number(edge_cases.mood) AS ASSIGNMENT;

-- A function inside an index and a check.
CREATE TABLE edge_cases.uses_functions (
    id integer PRIMARY KEY,
    note text CONSTRAINT note_is_text CHECK (edge_cases.overloaded(note) = 'text'),
    feeling edge_cases.mood
);
CREATE INDEX uses_functions_feeling_idx ON edge_cases.uses_functions (edge_cases.mood_number(feeling));
INSERT INTO edge_cases.uses_functions VALUES (1, 'a', 'sad'), (2, 'b', '😀');

-- One trigger per state. A restore that fires them, or wakes the disabled one, changes rows.
CREATE TABLE edge_cases.triggered (id integer PRIMARY KEY, note text, touched text[] DEFAULT '{}');
CREATE FUNCTION edge_cases.touch() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
  NEW.touched := NEW.touched || TG_NAME::text;
  RETURN NEW;
END;
$$;
CREATE FUNCTION edge_cases.refuse() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'this trigger is disabled and must stay so';
END;
$$;
INSERT INTO edge_cases.triggered (id, note) SELECT n, 'before the triggers' FROM generate_series(1, 5) AS n;
CREATE TRIGGER state_origin BEFORE INSERT OR UPDATE ON edge_cases.triggered
    FOR EACH ROW EXECUTE FUNCTION edge_cases.touch();
CREATE TRIGGER state_disabled BEFORE INSERT OR UPDATE OR DELETE ON edge_cases.triggered
    FOR EACH ROW EXECUTE FUNCTION edge_cases.refuse();
CREATE TRIGGER state_always BEFORE INSERT ON edge_cases.triggered
    FOR EACH ROW WHEN (NEW.note = 'never; -- \.') EXECUTE FUNCTION edge_cases.touch();
CREATE TRIGGER state_replica BEFORE UPDATE OF note ON edge_cases.triggered
    FOR EACH ROW WHEN (NEW.note = 'never') EXECUTE FUNCTION edge_cases.touch();
CREATE CONSTRAINT TRIGGER deferred_check AFTER INSERT ON edge_cases.triggered
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.id < 0) EXECUTE FUNCTION edge_cases.refuse();
ALTER TABLE edge_cases.triggered DISABLE TRIGGER state_disabled;
ALTER TABLE edge_cases.triggered ENABLE ALWAYS TRIGGER state_always;
ALTER TABLE edge_cases.triggered ENABLE REPLICA TRIGGER state_replica;
COMMENT ON TRIGGER state_disabled ON edge_cases.triggered IS 'off; must stay off';

RESET ROLE;

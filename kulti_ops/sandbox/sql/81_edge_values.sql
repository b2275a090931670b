-- Values that break line-based tools, number formats and time arithmetic.
SET ROLE postgres;

CREATE TABLE edge_cases.texts (
    id integer PRIMARY KEY,
    kind text NOT NULL,
    body text
);
COMMENT ON TABLE edge_cases.texts IS 'texts that look like parts of a dump';
INSERT INTO edge_cases.texts (id, kind, body) VALUES
    (1, 'end of data', E'before\n\\.\nafter'),
    (2, 'end of data alone', E'\\.'),
    (3, 'copy', E'\nCOPY edge_cases.texts (id, kind, body) FROM stdin;\n1\tfake\trow\n\\.\n'),
    (4, 'ddl', E'--\n-- Name: profiles; Type: TABLE; Schema: public; Owner: postgres\n--\n\nCREATE TABLE public.profiles (id integer);\n'),
    (5, 'toc', E'-- TOC entry 215 (class 1259 OID 16390)\n-- Data for Name: texts; Type: TABLE DATA'),
    (6, 'quotes', E'single '' double " backtick ` dollar $$ $body$ "'';'),
    (7, 'backslashes', E'\\ \\\\ \\n \\N \\t \\x41 C:\\new\\table'),
    (8, 'null text', E'\\N'),
    (9, 'null', NULL),
    (10, 'empty', ''),
    (11, 'spaces', '  leading and trailing  '),
    (12, 'crlf', E'one\r\ntwo\rthree\n\n'),
    (13, 'control', E'\x01\x02\x07\b\f\v\x1b[31mred\x1b[0m\x7f'),
    (14, 'tabs', E'a\tb\t\tc'),
    (15, 'emoji', '👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇫🇮 👍🏽'),
    (16, 'right to left', E'مرحبا שלום \u202ereversed\u202c mixed'),
    (17, 'combining', E'e\u0301 \u00e9 A\u030a \u212b \uff76\uff85 \ufb01 \u0130\u0131 \u00df \u1e9e'),
    (18, 'invisible', E'zero\u200bwidth\ufeffbom\u00a0non breaking\u2028line separator\u0085\u00ad'),
    (19, 'beyond the basic plane', '𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 󰀀'),
    (20, 'psql', E'\\connect postgres\n\\! echo pwned\n\\restrict token\n\\unrestrict token'),
    (21, 'injection', '''; DROP TABLE public.profiles; --'),
    (22, 'csv', E'"a","b;c",\n=1+1,@SUM(A1),+1,-1'),
    (23, 'markup', '<script>alert("x")</script> [bold]rich[/bold] | a | b |'),
    (24, 'format', '%s %d {} {0} %(name)s ${HOME} `id`'),
    -- One megabyte that hardly compresses.
    (25, 'one megabyte', (SELECT string_agg(md5(i::text), '' ORDER BY i) FROM generate_series(1, 32768) AS i)),
    (26, 'long line', repeat('no line feed here, ', 20000));

CREATE TABLE edge_cases.numbers_and_times (
    id integer PRIMARY KEY,
    n numeric,
    f8 double precision,
    f4 real,
    i8 bigint,
    d date,
    ts timestamp,
    tz timestamptz,
    t time,
    ttz timetz,
    iv interval,
    m money
);
INSERT INTO edge_cases.numbers_and_times VALUES
    (1, 'NaN', 'NaN', 'NaN', 9223372036854775807, 'infinity', 'infinity', 'infinity', '24:00', '23:59:59.999999+15:59', '178000000 years', '$92,233,720,368,547,758.07'),
    (2, 'Infinity', 'Infinity', 'Infinity', -9223372036854775808, '-infinity', '-infinity', '-infinity', '00:00', '00:00-15:59', '-178000000 years', '-$0.01'),
    (3, '-Infinity', '-Infinity', '-Infinity', 0, '4713-01-01 BC', '4713-01-01 00:00:00 BC', '4713-01-02 00:00:00+00 BC', '12:00:00.000001', '12:00+00', '1 mon -1 day 00:00:00.000001', '0'),
    (4, 0.1, 0.1, 0.1, 1, '0001-12-31 BC', '0044-03-15 12:00 BC', '0044-03-15 12:00+00 BC', '01:02:03.4', '01:02:03+05:30', '-1 years -2 mons +3 days -04:05:06.7', '1'),
    (5, repeat('9', 131072)::numeric, 1.7976931348623157e308, 3.4028235e38, 2, '5874897-12-31', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', NULL, NULL, 'infinity', NULL),
    (6, ('0.' || repeat('0', 16382) || '1')::numeric, 5e-324, 1e-45, 3, '2024-02-29', '2026-03-29 02:30:00', '2026-10-25 00:30:00+00', NULL, NULL, '-infinity', NULL),
    (7, -0.0, '-0', '-0', 4, NULL, NULL, NULL, NULL, NULL, '0', NULL),
    (8, 1.10, 0.30000000000000004, 0.3, 5, '1970-01-01', '1970-01-01', '1969-12-31 23:59:59.999999+00', NULL, NULL, '1 day 24 hours', NULL);

CREATE TABLE edge_cases.kinds_of_values (
    id integer PRIMARY KEY,
    raw bytea,
    doc jsonb,
    doc_as_written json,
    ints integer[],
    texts text[],
    grid integer[][],
    mood edge_cases.mood,
    moods edge_cases.mood[],
    home edge_cases.address,
    share edge_cases.percentage,
    span edge_cases.span,
    spans edge_cases.span_multirange[],
    days daterange,
    bits bit varying,
    net inet,
    mac macaddr,
    id128 uuid,
    x xml,
    words tsvector,
    query tsquery,
    spot point,
    shape polygon,
    code char(6),
    short varchar(5) COLLATE edge_cases.byte_order,
    one "char"
);
INSERT INTO edge_cases.kinds_of_values VALUES
    (1, '\x00ff5c2e0a', '{"a": [1, 2.50, null, "\"q\" \\ \n é 😀"], "": {}}', E'{"b":1,  "a" : 2, "b":3}',
     '{1,NULL,-3}', ARRAY['a,b', '{c}', 'say "x"', E'back\\slash', NULL, 'NULL', ''], '{{1,2},{3,4}}',
     'it''s ok', '{"happy \"quoted\"",😀}', ROW('1 "Main" St, (rear)', '00100', '(60.17,24.94)'),
     99.99, '[1.5,2.5)', '{"{[1,2),[5,6)}"}', '[2026-01-01,infinity)', B'1011', '10.0.0.1/8', '08:00:2b:01:02:03',
     '00000000-0000-0000-0000-000000000000', '<a b="c">&lt;é</a>', 'fat:2A cat:3B', 'fat & !rat',
     '(1e300,-0)', '((0,0),(1,1),(1,0))', 'ab', 'Zä', '\'),
    (2, '', '{}', '[]', '{}', '{}', '{}', NULL, '{}', ROW(NULL, NULL, NULL), 0, 'empty', '{}', 'empty', B'', '::1',
     NULL, NULL, NULL, '', NULL, NULL, NULL, '', '', ''),
    (3, decode(repeat('00', 5000), 'hex'), '"only a string"', 'null', '[0:1]={7,8}', NULL, NULL, 'sad', NULL, NULL,
     100, '(,)', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE edge_cases.empty_table (
    id integer PRIMARY KEY,
    note text
);

CREATE TABLE edge_cases.no_columns ();
INSERT INTO edge_cases.no_columns DEFAULT VALUES;
INSERT INTO edge_cases.no_columns DEFAULT VALUES;
INSERT INTO edge_cases.no_columns DEFAULT VALUES;

CREATE UNLOGGED TABLE edge_cases.unlogged_cache (
    key text PRIMARY KEY,
    value text
);
INSERT INTO edge_cases.unlogged_cache VALUES ('a', 'gone after a crash'), ('b', E'\\.');

RESET ROLE;

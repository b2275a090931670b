-- Scratch schema of the generator; 99_seed_drop.sql removes it. Everything below is a pure
-- function of row numbers, of kulti_ops.scale and of kulti_ops.now (both set by the builder):
-- no random(), no clock, so that two builds with the same two values hold the same rows.
CREATE SCHEMA kulti_seed;

CREATE TABLE kulti_seed.params AS
SELECT anchor,
       users,
       -- The newest 3 % have signed up in the last 30 days and done nothing yet.
       (users * 97 / 100) AS active_users,
       sessions,
       -- The last 1 % are planned ahead and have not begun.
       (sessions - greatest(sessions / 100, 4)) AS ended_sessions,
       -- How many users one member invites; the first `inviters` users came by admin codes.
       -- At most 4,000 inviters: there are only 65,536 codes.
       least(users / 5, 4000) AS inviters,
       agents
  FROM (SELECT current_setting('kulti_ops.now')::timestamptz AS anchor,
               greatest(200, round(20000 * scale))::integer AS users,
               greatest(500, round(50000 * scale))::integer AS sessions,
               greatest(20, round(400 * scale))::integer AS agents
          FROM (SELECT current_setting('kulti_ops.scale')::numeric AS scale) s) x;

-- An id for row n of a kind.
CREATE FUNCTION kulti_seed.uid(kind text, n bigint) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT md5(kind || n::text)::uuid $$;

-- A number in [0, m) that looks random and depends on (n, salt) only.
CREATE FUNCTION kulti_seed.pick(n bigint, salt bigint, m integer) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ((hashint8extended(n, salt) & 9223372036854775807) % m)::integer
$$;

CREATE FUNCTION kulti_seed.first_name(i integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (ARRAY['Ada', 'Björn', 'Chloé', 'Dmitri', 'Elif', 'Fatima', 'Grace', 'Håkon', 'Ivo',
    'Jürgen', 'Kenji', 'Łucja', 'Mei', 'Nuño', 'Oksana', 'Priya', 'Quentin', 'Rosa', 'Søren',
    'Tariq', 'Uma', 'Viktor', 'Wanjirū', 'Ximena', 'Yuki', 'Zoë', '小明', 'Александр', 'محمد',
    'דוד', 'สมชาย', '지우'])[1 + i % 32]
$$;
CREATE FUNCTION kulti_seed.last_name(i integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (ARRAY['Lovelace', 'Ångström', 'O''Neill', 'García Márquez', 'Nakamura', 'Okafor',
    'Şahin', 'van der Berg', 'Hopper', 'Świątek', 'Ivanova', 'Nguyễn', 'D’Angelo', 'Müller',
    'Kowalski', 'Smith'])[1 + i % 16]
$$;
CREATE FUNCTION kulti_seed.skill(i integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (ARRAY['rust', 'typescript', 'python', 'postgres', 'webrtc', 'shaders', 'react',
    'go', 'design', 'ml', 'c++', 'elixir', 'swift', 'kotlin', 'devops', 'security', 'audio',
    'animation', 'writing', 'robotics'])[1 + i % 20]
$$;
CREATE FUNCTION kulti_seed.interest(i integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (ARRAY['open source', 'games', 'music', 'startups', 'education', 'climate', 'art',
    'hardware', 'space', 'cooking', 'history', 'ai agents'])[1 + i % 12]
$$;
CREATE FUNCTION kulti_seed.emoji(i integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (ARRAY['🔥', '👍', '👩🏽‍💻', '🎉', '🤔', '🚀', '❤️', '😂', '🏳️‍🌈', '🇫🇮'])[1 + i % 10]
$$;
CREATE FUNCTION kulti_seed.phrase(i integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (ARRAY[
    'Can you scroll up a little? I missed how the hook gets its dependencies.',
    'That borrow checker error comes from the closure, not from the loop.',
    'Pushed the fix to the branch, the tests are green now on my machine.',
    'Ich würde das erst messen, bevor wir es umschreiben.',
    '¿Puedes compartir el enlace al repositorio, por favor?',
    'この部分、もう一度説明してもらえますか？',
    'Попробуй добавить индекс по session_id и created_at.',
    'je préfère la deuxième version, plus lisible à mon avis',
    'هل يمكنك تكبير حجم الخط قليلا؟',
    'אפשר לראות שוב את ההודעה האחרונה?',
    'Could we cache that query? It runs on every heartbeat.',
    'The stream froze for two seconds, but it is back now.',
    'Great explanation, thank you! I finally understand lifetimes.',
    'What theme is this? It looks really nice on a dark background.',
    'Let me paste the stack trace: "TypeError: x is undefined" at line 42',
    'C:\temp\new\file.txt is what Windows shows me, with backslashes.',
    'SELECT * FROM sessions WHERE title LIKE ''%50\%%'' ESCAPE ''\'';',
    'Maybe split the function in two; it decides and acts at once.',
    'I am stuck at the login step: the code by SMS never arrives.',
    'One more thing — en dashes, “curly quotes” and … an ellipsis.',
    'brb, coffee', '+1', 'lol', 'ok',
    'We should write that down in the README before we forget it again.',
    'Does it work offline as well, or does it need the service worker?',
    'My guess: the timer fires before the state has been committed.',
    'That is O(n²) for large rooms, isn''t it? Fine for fifty people.',
    'Look at the flame graph, nearly everything is JSON parsing.',
    'Tack så mycket, det här var precis vad jag behövde!',
    'Could you raise the volume of the microphone a bit?',
    'I would love a session about deploying this with containers.'])[1 + i % 32]
$$;

-- Invite code number n: a bijection on 16 bits, hence unique for n in [0, 65536).
CREATE FUNCTION kulti_seed.invite_code(n integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT 'K' || upper(lpad(to_hex((n::bigint * 40503 + 4711) % 65536), 4, '0'))
$$;

-- Room code number n: one of eight words and four of 36 characters. 7654321 shares no
-- factor with 8 * 36^4, so different n below that give different codes.
CREATE FUNCTION kulti_seed.base36(v bigint) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT substr('ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789', 1 + (v % 36)::integer, 1)
$$;
CREATE FUNCTION kulti_seed.room_code(n bigint) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (ARRAY['VIBE', 'CODE', 'BUILD', 'HACK', 'SHIP', 'MAKE', 'FLOW', 'SYNC'])[1 + (v % 8)::integer]
         || '-' || kulti_seed.base36(v / 8) || kulti_seed.base36(v / 288)
         || kulti_seed.base36(v / 10368) || kulti_seed.base36(v / 373248)
    FROM (SELECT (n * 7654321) % 13436928 AS v) x
$$;

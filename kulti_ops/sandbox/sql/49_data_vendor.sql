-- Rows of the vendor's schemas: logins, files, realtime, vault, migrations.

-- The password hashes look like bcrypt and match no password.
INSERT INTO auth.users
    (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, confirmation_token,
     recovery_token, email_change_token_new, email_change, last_sign_in_at, raw_app_meta_data,
     raw_user_meta_data, created_at, updated_at, phone, phone_confirmed_at)
SELECT '00000000-0000-0000-0000-000000000000', u.id, 'authenticated', 'authenticated',
       CASE WHEN u.n % 5 > 0 THEN 'user' || u.n || '@mail.example' END,
       '$2a$10$' || substr(translate(md5('a' || u.n) || md5('b' || u.n), '-', '.'), 1, 53),
       CASE WHEN u.n % 5 > 0 THEN u.created_at END, '', '', '', '',
       p.anchor - make_interval(mins => 30 + kulti_seed.pick(u.n, 80, 86400)),
       CASE WHEN u.n % 5 > 0 THEN '{"provider": "phone", "providers": ["phone", "email"]}'::jsonb
            ELSE '{"provider": "phone", "providers": ["phone"]}'::jsonb END,
       jsonb_build_object('display_name', kulti_seed.first_name(kulti_seed.pick(u.n, 20, 32))),
       u.created_at, u.created_at + interval '1 hour',
       (15550000000 + u.n)::text, u.created_at
  FROM kulti_seed.users u, kulti_seed.params p ORDER BY u.n;

INSERT INTO auth.identities
    (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at, id)
SELECT u.id::text, u.id,
       jsonb_build_object('sub', u.id, 'phone', (15550000000 + u.n)::text, 'phone_verified', true),
       'phone', u.created_at, u.created_at, u.created_at, kulti_seed.uid('identity-phone', u.n)
  FROM kulti_seed.users u ORDER BY u.n;
INSERT INTO auth.identities
    (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at, id)
SELECT u.id::text, u.id,
       jsonb_build_object('sub', u.id, 'email', 'User' || u.n || '@mail.example', 'email_verified', true),
       'email', u.created_at, u.created_at, u.created_at, kulti_seed.uid('identity-email', u.n)
  FROM kulti_seed.users u WHERE u.n % 5 > 0 ORDER BY u.n;

INSERT INTO auth.sessions
    (id, user_id, created_at, updated_at, aal, refreshed_at, user_agent, ip)
SELECT kulti_seed.uid('login', u.n), u.id, t, t + interval '1 hour', 'aal1',
       (t + interval '1 hour') AT TIME ZONE 'UTC', 'Mozilla/5.0 (X11; Linux x86_64)',
       ('198.51.100.' || u.n % 250)::inet
  FROM kulti_seed.users u, kulti_seed.params p,
       LATERAL (SELECT p.anchor - make_interval(mins => 90 + kulti_seed.pick(u.n, 80, 86400)) AS t) x
 WHERE u.n % 2 = 0 ORDER BY u.n;
INSERT INTO auth.mfa_amr_claims (session_id, created_at, updated_at, authentication_method, id)
SELECT s.id, s.created_at, s.created_at, 'otp', md5('amr' || s.id)::uuid
  FROM auth.sessions s ORDER BY s.created_at, s.id;
INSERT INTO auth.refresh_tokens
    (instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id)
SELECT '00000000-0000-0000-0000-000000000000', 'sandbox-' || md5(u.n || ':' || k), u.id::text, k = 1,
       p.anchor - make_interval(hours => 30 - k * 10), p.anchor - make_interval(hours => 30 - k * 10),
       CASE WHEN k = 2 THEN 'sandbox-' || md5(u.n || ':1') END, kulti_seed.uid('login', u.n)
  FROM kulti_seed.users u, kulti_seed.params p, generate_series(1, 2) AS k
 WHERE u.n % 2 = 0 ORDER BY u.n, k;
INSERT INTO auth.mfa_factors
    (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret)
SELECT kulti_seed.uid('factor', u.n), u.id, 'Phone of ' || kulti_seed.first_name(u.n), 'totp', 'verified',
       u.created_at, u.created_at, 'sandbox' || md5('totp' || u.n)
  FROM kulti_seed.users u WHERE u.n % 40 = 0 ORDER BY u.n;
INSERT INTO auth.one_time_tokens
    (id, user_id, token_type, token_hash, relates_to, created_at, updated_at)
SELECT kulti_seed.uid('onetime', u.n), u.id, 'recovery_token', 'sandbox-' || md5('ott' || u.n),
       'user' || u.n || '@mail.example', u.created_at AT TIME ZONE 'UTC', u.created_at AT TIME ZONE 'UTC'
  FROM kulti_seed.users u WHERE u.n % 60 = 1 ORDER BY u.n;
INSERT INTO auth.audit_log_entries (instance_id, id, payload, created_at, ip_address)
SELECT '00000000-0000-0000-0000-000000000000', kulti_seed.uid('audit', u.n),
       json_build_object('action', 'login', 'actor_id', u.id, 'log_type', 'account',
                         'traits', json_build_object('provider', 'phone')),
       u.created_at, '198.51.100.' || u.n % 250
  FROM kulti_seed.users u ORDER BY u.n;
INSERT INTO auth.instances (id, uuid, created_at, updated_at)
SELECT '00000000-0000-0000-0000-000000000000', kulti_seed.uid('instance', 1), anchor - interval '800 days',
       anchor - interval '800 days' FROM kulti_seed.params;
INSERT INTO auth.schema_migrations (version)
SELECT unnest(ARRAY['20171026211738', '20180103212743', '20221208132122', '20240427152123', '20250804100000']);

INSERT INTO storage.buckets
    (id, name, created_at, updated_at, public, file_size_limit, allowed_mime_types)
SELECT b.id, b.id, anchor - interval '700 days', anchor - interval '700 days', b.public, b.size_limit, b.mime
  FROM kulti_seed.params, (VALUES
    ('avatars', true, 2097152, ARRAY['image/webp', 'image/png']),
    ('thumbnails', true, 5242880, ARRAY['image/jpeg']),
    ('recordings', false, NULL, ARRAY['video/mp4'])) AS b (id, public, size_limit, mime);
INSERT INTO storage.objects
    (id, bucket_id, name, owner, created_at, updated_at, last_accessed_at, metadata, version, owner_id)
SELECT kulti_seed.uid('avatar', u.n), 'avatars', u.id || '/face.webp', u.id, u.created_at, u.created_at,
       u.created_at,
       jsonb_build_object('eTag', '"' || md5('face' || u.n) || '"', 'size', 20000 + u.n % 9000,
                          'mimetype', 'image/webp', 'cacheControl', 'max-age=3600'),
       kulti_seed.uid('version', u.n)::text, u.id::text
  FROM kulti_seed.users u WHERE u.n % 5 < 3 ORDER BY u.n;
INSERT INTO storage.objects
    (id, bucket_id, name, created_at, updated_at, last_accessed_at, metadata, version)
SELECT kulti_seed.uid('thumbnail', s.s), 'thumbnails', 'sessions/' || s.id || '/größe 1 ♥.jpg', s.ended_at,
       s.ended_at, s.ended_at, jsonb_build_object('size', 40000, 'mimetype', 'image/jpeg'),
       kulti_seed.uid('tversion', s.s)::text
  FROM kulti_seed.sessions s WHERE s.ended AND s.s % 5 = 0 ORDER BY s.s;
INSERT INTO storage.migrations (id, name, hash, executed_at)
SELECT n, 'migration-' || n, substr(md5('sm' || n), 1, 40), (anchor - interval '700 days') AT TIME ZONE 'UTC'
  FROM kulti_seed.params, generate_series(0, 25) AS n;

INSERT INTO realtime.schema_migrations (version, inserted_at)
SELECT 20211116024918 + n, (anchor - interval '700 days') AT TIME ZONE 'UTC'
  FROM kulti_seed.params, generate_series(0, 20) AS n;
-- One partition per day around the anchor, as the service keeps them.
DO $$
DECLARE
  d date;
BEGIN
  FOR d IN SELECT ((anchor AT TIME ZONE 'UTC')::date + n) FROM kulti_seed.params, generate_series(-2, 2) n
  LOOP
    EXECUTE format('CREATE TABLE realtime.%I PARTITION OF realtime.messages FOR VALUES FROM (%L) TO (%L)',
                   'messages_' || to_char(d, 'YYYY_MM_DD'), d, d + 1);
    EXECUTE format('ALTER TABLE realtime.%I OWNER TO supabase_admin', 'messages_' || to_char(d, 'YYYY_MM_DD'));
  END LOOP;
END;
$$;
INSERT INTO realtime.messages (topic, extension, payload, event, private, updated_at, inserted_at, id)
SELECT 'room:' || n, 'broadcast', jsonb_build_object('n', n), 'cursor', n % 2 = 0, t, t,
       kulti_seed.uid('realtime', n)
  FROM kulti_seed.params, generate_series(1, 60) AS n,
       LATERAL (SELECT (anchor - make_interval(mins => n * 20)) AT TIME ZONE 'UTC' AS t) x;

INSERT INTO vault.secrets (id, name, description, secret, key_id, nonce, created_at, updated_at)
SELECT kulti_seed.uid('secret', n), 'secret_' || n, 'sandbox only', encode(sha256(('s' || n)::bytea), 'base64'),
       NULL, decode(md5('nonce' || n), 'hex'), anchor - interval '200 days', anchor - interval '200 days'
  FROM kulti_seed.params, generate_series(1, 3) AS n;

INSERT INTO supabase_migrations.schema_migrations (version, statements, name)
SELECT v.version, v.statements, v.name
  FROM (VALUES
    ('20250110090000', ARRAY['CREATE TABLE public.profiles (id uuid primary key)',
                             'ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY'], 'initial'),
    ('20250212101500', ARRAY['CREATE TABLE public.sessions (...)', E'-- note\nSELECT ''it''''s; fine'''], 'sessions'),
    ('20250301120000', ARRAY[E'CREATE FUNCTION f() RETURNS void AS $x$\nBEGIN\n  NULL; -- \\.\nEND;\n$x$ LANGUAGE plpgsql'], 'credits'),
    ('20250415080000', ARRAY[]::text[], 'empty'),
    ('20250620143000', NULL, 'squashed')) AS v (version, statements, name);

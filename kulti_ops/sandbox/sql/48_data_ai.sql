-- AI agents and everything they leave behind. Nobody is live here either.

CREATE TABLE kulti_seed.agents AS
SELECT a, 'agent-' || kulti_seed.skill(a) || '-' || a AS agent_id,
       initcap(kulti_seed.skill(a)) || ' Bot ' || a AS agent_name,
       kulti_seed.uid('agent', a) AS id
  FROM kulti_seed.params p, generate_series(1, p.agents) AS a;

INSERT INTO public.ai_agent_sessions
    (id, agent_id, agent_name, status, room_id, stream_key, hls_url, e2b_sandbox_id, e2b_template,
     preview_url, preview_port, current_task, viewers_count, total_views, files_edited,
     commands_run, stream_started_at, creation_type, creation_preview_url, creation_gallery,
     api_key, api_key_created_at, is_featured, bio, x_handle, x_verified, avatar_url, banner_url,
     website_url, github_url, links, tags, theme_color, created_at, updated_at)
SELECT a.id, a.agent_id, a.agent_name,
       (ARRAY['offline', 'offline', 'paused', 'error'])[1 + a.a % 4],
       'room-' || a.a, 'stream_' || md5('stream' || a.a), NULL,
       CASE WHEN a.a % 3 = 0 THEN 'sbx_' || substr(md5('e2b' || a.a), 1, 16) END, 'base',
       NULL, 3000 + a.a % 10, kulti_seed.phrase(a.a), 0, kulti_seed.pick(a.a, 70, 5000),
       kulti_seed.pick(a.a, 71, 300), kulti_seed.pick(a.a, 72, 900),
       p.anchor - make_interval(days => 1 + a.a % 90),
       (ARRAY['art', 'music', 'shader'])[1 + a.a % 3], NULL, '[]'::jsonb,
       'kulti_sk_' || md5('key' || a.a), p.anchor - interval '100 days', a.a % 15 = 0,
       kulti_seed.phrase(a.a + 5), '@bot' || a.a, a.a % 5 = 0,
       'https://kulti.example/agents/' || a.a || '.png', NULL, NULL, NULL,
       jsonb_build_array(jsonb_build_object('label', 'home', 'url', 'https://kulti.example/' || a.a)),
       ARRAY[kulti_seed.skill(a.a)], '#' || substr(md5('theme' || a.a), 1, 6),
       p.anchor - interval '120 days', p.anchor - interval '2 days'
  FROM kulti_seed.agents a, kulti_seed.params p ORDER BY a.a;

INSERT INTO public.ai_agent_followers
    (id, agent_id, user_id, notify_on_live, follower_user_id, follower_guest_id, created_at)
SELECT kulti_seed.uid('follower', a.a * 100 + k), a.agent_id,
       CASE WHEN k % 4 > 0 THEN kulti_seed.uid('user', u) END, k % 3 > 0,
       CASE WHEN k % 4 > 0 THEN kulti_seed.uid('user', u) END,
       CASE WHEN k % 4 = 0 THEN 'guest_' || md5(a.a || ':' || k) END,
       p.anchor - make_interval(days => k * 3)
  FROM kulti_seed.agents a, kulti_seed.params p, generate_series(1, 12) AS k,
       LATERAL (SELECT 1 + (a.a * 17 + k) % p.active_users AS u) x
 ORDER BY a.a, k;

INSERT INTO public.ai_agent_memories
    (id, agent_id, type, title, content, tags, importance, expires_at, last_accessed_at,
     access_count, created_at, updated_at)
SELECT kulti_seed.uid('memory', a.a * 10 + k), a.agent_id, (ARRAY['fact', 'plan'])[1 + k % 2],
       'Memory ' || k, kulti_seed.phrase(a.a + k), ARRAY['auto'], k, NULL,
       p.anchor - interval '3 days', k * 2, p.anchor - interval '50 days', p.anchor - interval '3 days'
  FROM kulti_seed.agents a, kulti_seed.params p, generate_series(1, 5) AS k ORDER BY a.a, k;

INSERT INTO public.ai_agent_verification_attempts
    (id, agent_id, x_handle, tweet_id, status, verified_at, expires_at, created_at)
SELECT kulti_seed.uid('verification', a.a), a.agent_id, '@bot' || a.a, (1700000000000000000 + a.a)::text,
       'verified', p.anchor - interval '80 days', p.anchor - interval '79 days', p.anchor - interval '81 days'
  FROM kulti_seed.agents a, kulti_seed.params p WHERE a.a % 5 = 0 ORDER BY a.a;

INSERT INTO public.ai_agent_x_activity
    (id, agent_id, x_username, action_type, tweet_id, content, success, metadata, created_at)
SELECT kulti_seed.uid('xactivity', a.a * 10 + k), a.agent_id, 'bot' || a.a,
       (ARRAY['tweet', 'reply', 'like'])[1 + k % 3], (1700000000000000000 + a.a * 10 + k)::text,
       kulti_seed.phrase(a.a * 3 + k), k % 7 > 0, jsonb_build_object('attempt', k),
       p.anchor - make_interval(days => k, hours => a.a % 24)
  FROM kulti_seed.agents a, kulti_seed.params p, generate_series(1, 6) AS k ORDER BY a.a, k;

INSERT INTO public.ai_agent_x_connections
    (id, agent_id, x_user_id, x_username, access_token, refresh_token, token_expires_at, scopes,
     is_active, created_at, updated_at)
SELECT kulti_seed.uid('xconnection', a.a), a.agent_id, (90000 + a.a)::text, 'bot' || a.a,
       'sandbox-access-' || md5('xa' || a.a), 'sandbox-refresh-' || md5('xr' || a.a),
       p.anchor + interval '60 days', ARRAY['tweet.read', 'tweet.write'], true,
       p.anchor - interval '80 days', p.anchor - interval '1 day'
  FROM kulti_seed.agents a, kulti_seed.params p WHERE a.a % 5 = 0 ORDER BY a.a;

INSERT INTO public.ai_notifications
    (id, user_id, guest_id, type, agent_id, title, body, data, read, created_at)
SELECT kulti_seed.uid('ainotification', a.a * 10 + k),
       CASE WHEN k > 1 THEN kulti_seed.uid('user', 1 + (a.a * 17 + k) % p.active_users) END,
       CASE WHEN k = 1 THEN 'guest_' || md5(a.a::text) END,
       'agent_live', a.agent_id, a.agent_name || ' is live', kulti_seed.phrase(k),
       jsonb_build_object('agent', a.agent_id), k % 2 = 0, p.anchor - make_interval(days => k)
  FROM kulti_seed.agents a, kulti_seed.params p, generate_series(1, 4) AS k ORDER BY a.a, k;

INSERT INTO public.ai_stream_events (id, session_id, type, data, created_at)
SELECT kulti_seed.uid('event', a.a * 100 + k), a.id,
       (ARRAY['terminal', 'thinking', 'thought', 'code', 'file_edit', 'command', 'status',
              'preview_update'])[1 + k % 8],
       jsonb_build_object('text', kulti_seed.phrase(a.a + k), 'line', k, 'ansi', E'\u001b[1mbold\u001b[0m'),
       p.anchor - make_interval(days => 1 + a.a % 90, secs => 900 - k * 10)
  FROM kulti_seed.agents a, kulti_seed.params p, generate_series(1, 25) AS k ORDER BY a.a, k;

INSERT INTO public.ai_stream_messages
    (id, session_id, sender_type, sender_id, sender_name, message, is_highlighted, is_pinned,
     created_at)
SELECT kulti_seed.uid('streammessage', a.a * 100 + k), a.id,
       CASE WHEN k % 3 = 0 THEN 'agent' ELSE 'viewer' END, 'sender-' || k,
       kulti_seed.first_name(k), kulti_seed.phrase(a.a * 2 + k), k = 5, k = 6,
       p.anchor - make_interval(days => 1 + a.a % 90, secs => 900 - k * 10)
  FROM kulti_seed.agents a, kulti_seed.params p, generate_series(1, 15) AS k ORDER BY a.a, k;

INSERT INTO public.ai_stream_recordings
    (id, session_id, agent_id, agent_name, title, description, duration_seconds, video_url,
     thumbnail_url, views, recorded_at, created_at)
SELECT kulti_seed.uid('streamrecording', a.a), CASE WHEN a.a % 7 > 0 THEN a.id END, a.agent_id,
       a.agent_name, 'Building ' || kulti_seed.interest(a.a), kulti_seed.phrase(a.a), 600 + a.a,
       'https://recordings.kulti.example/agents/' || a.a || '.mp4', NULL, a.a * 3,
       p.anchor - make_interval(days => a.a % 90), p.anchor - make_interval(days => a.a % 90)
  FROM kulti_seed.agents a, kulti_seed.params p ORDER BY a.a;

INSERT INTO public.ai_chat_messages
    (id, room_id, agent_id, username, content, thread_id, reply_count, created_at)
SELECT kulti_seed.uid('aichat', a.a * 10 + k), 'lounge', a.agent_id, a.agent_name,
       kulti_seed.phrase(a.a + k * 3),
       CASE WHEN k > 0 THEN kulti_seed.uid('aichat', a.a * 10) END, CASE WHEN k = 0 THEN 3 ELSE 0 END,
       p.anchor - make_interval(days => a.a % 60, mins => 30 - k)
  FROM kulti_seed.agents a, kulti_seed.params p, generate_series(0, 3) AS k ORDER BY a.a, k;

INSERT INTO public.ai_community_messages
    (id, agent_id, agent_name, type, title, content, parent_id, tags, upvotes, is_pinned,
     is_hidden, created_at, updated_at)
SELECT kulti_seed.uid('community', a.a * 10 + k), a.agent_id, a.agent_name,
       CASE WHEN k = 0 THEN 'post' ELSE 'reply' END,
       CASE WHEN k = 0 THEN 'On ' || kulti_seed.interest(a.a) END, kulti_seed.phrase(a.a + k),
       CASE WHEN k > 0 THEN kulti_seed.uid('community', a.a * 10) END,
       ARRAY[kulti_seed.interest(a.a)], kulti_seed.pick(a.a * 10 + k, 73, 50), false, a.a % 30 = 1,
       p.anchor - make_interval(days => a.a % 60, mins => 30 - k), p.anchor - make_interval(days => a.a % 60)
  FROM kulti_seed.agents a, kulti_seed.params p, generate_series(0, 2) AS k ORDER BY a.a, k;

INSERT INTO public.ai_creative_responses
    (id, original_type, original_id, original_agent_id, response_type, response_id,
     response_agent_id, relationship, notes, likes_count, created_at)
SELECT kulti_seed.uid('response', a.a), 'art', kulti_seed.uid('art', a.a), a.agent_id,
       'music', kulti_seed.uid('music', b.a), b.agent_id,
       (ARRAY['inspired_by', 'remix', 'response', 'collaboration'])[1 + a.a % 4]::public.creative_relationship,
       kulti_seed.phrase(a.a), a.a % 20, p.anchor - make_interval(days => a.a % 40)
  FROM kulti_seed.agents a
  JOIN kulti_seed.agents b ON b.a = a.a + 1
 CROSS JOIN kulti_seed.params p ORDER BY a.a;

INSERT INTO public.ai_editorial
    (id, title, slug, excerpt, content, author_name, author_role, category, featured,
     published_at, created_at, updated_at)
SELECT kulti_seed.uid('editorial', n), 'Notes on ' || kulti_seed.interest(n) || ' ' || n, 'notes-' || n,
       kulti_seed.phrase(n), '<p>' || repeat(kulti_seed.phrase(n + 1) || ' ', 40) || '</p>',
       kulti_seed.first_name(n), 'editor', (ARRAY['news', 'essay'])[1 + n % 2], n % 6 = 0,
       p.anchor - make_interval(days => n * 3), p.anchor - make_interval(days => n * 3 + 1),
       p.anchor - make_interval(days => n * 3)
  FROM kulti_seed.params p, generate_series(1, 24) AS n ORDER BY n;

INSERT INTO public.ai_showcase
    (id, title, vertical, agent_id, agent_name, source_id, source_table, featured_at, likes, created_at)
SELECT kulti_seed.uid('showcase', a.a), 'Pick of the week: ' || a.agent_name, 'art', a.agent_id,
       a.agent_name, kulti_seed.uid('art', a.a), 'ai_art_gallery',
       p.anchor - make_interval(weeks => a.a % 50), a.a % 70, p.anchor - make_interval(weeks => a.a % 50)
  FROM kulti_seed.agents a, kulti_seed.params p WHERE a.a % 4 = 0 ORDER BY a.a;

INSERT INTO public.ai_art_gallery
    (id, agent_id, title, description, image_url, thumbnail_url, prompt, tags, metadata,
     likes_count, is_public, created_at, updated_at)
SELECT kulti_seed.uid('art', a.a), a.agent_id, 'Study in ' || kulti_seed.interest(a.a), NULL,
       'https://kulti.example/art/' || a.a || '.png', NULL, kulti_seed.phrase(a.a), ARRAY['generative'],
       '{"seed": 42, "steps": 30}', a.a % 90, true, p.anchor - interval '40 days', p.anchor - interval '40 days'
  FROM kulti_seed.agents a, kulti_seed.params p ORDER BY a.a;

INSERT INTO public.ai_photo_gallery
    (id, agent_id, title, image_url, tags, metadata, likes, created_at, updated_at)
SELECT kulti_seed.uid('photo', a.a), a.agent_id, 'Light ' || a.a,
       'https://kulti.example/photo/' || a.a || '.jpg', ARRAY['street', 'night'],
       '{"iso": 400, "f": 1.8}', a.a % 30, p.anchor - interval '39 days', p.anchor - interval '39 days'
  FROM kulti_seed.agents a, kulti_seed.params p ORDER BY a.a;

INSERT INTO public.ai_music_gallery
    (id, agent_id, title, audio_url, duration_seconds, metadata, likes, created_at, updated_at)
SELECT kulti_seed.uid('music', a.a), a.agent_id, 'Étude nº ' || a.a,
       'https://kulti.example/music/' || a.a || '.ogg', 120 + a.a, '{"bpm": 128, "key": "F♯ minor"}',
       a.a % 30, p.anchor - interval '38 days', p.anchor - interval '38 days'
  FROM kulti_seed.agents a, kulti_seed.params p ORDER BY a.a;

INSERT INTO public.ai_video_gallery
    (id, agent_id, title, video_url, tags, likes, created_at, updated_at)
SELECT kulti_seed.uid('video', a.a), a.agent_id, 'Loop ' || a.a,
       'https://kulti.example/video/' || a.a || '.mp4', ARRAY['loop'], a.a % 30,
       p.anchor - interval '37 days', p.anchor - interval '37 days'
  FROM kulti_seed.agents a, kulti_seed.params p ORDER BY a.a;

INSERT INTO public.ai_shader_gallery
    (id, agent_id, name, fragment_shader, tags, likes, created_at, updated_at)
SELECT kulti_seed.uid('shader', a.a), a.agent_id, 'plasma ' || a.a,
       E'precision highp float;\nuniform float t;\nvoid main() {\n\tgl_FragColor = vec4(sin(t), 0.0, 1.0, 1.0); // \\o/\n}\n',
       ARRAY['glsl'], a.a % 30, p.anchor - interval '36 days', p.anchor - interval '36 days'
  FROM kulti_seed.agents a, kulti_seed.params p ORDER BY a.a;

INSERT INTO public.ai_writing_gallery
    (id, agent_id, title, content, genre, tags, likes, views, inspired_by_id, inspired_by_type,
     created_at, updated_at)
SELECT kulti_seed.uid('writing', a.a), a.agent_id, 'Letter ' || a.a,
       repeat(kulti_seed.phrase(a.a) || E'\n\n' || kulti_seed.phrase(a.a + 9) || E'\n', 10), 'essay',
       ARRAY['long'], a.a % 30, a.a * 2, kulti_seed.uid('art', a.a), 'art',
       p.anchor - interval '35 days', p.anchor - interval '35 days'
  FROM kulti_seed.agents a, kulti_seed.params p ORDER BY a.a;

INSERT INTO public.ai_architecture_gallery
    (id, agent_id, title, image_url, metadata, likes, views, created_at, updated_at)
SELECT kulti_seed.uid('architecture', a.a), a.agent_id, 'Tower ' || a.a,
       'https://kulti.example/architecture/' || a.a || '.png', '{"floors": 12}', a.a % 9, a.a,
       p.anchor - interval '34 days', p.anchor - interval '34 days'
  FROM kulti_seed.agents a, kulti_seed.params p WHERE a.a % 2 = 0 ORDER BY a.a;

INSERT INTO public.ai_fashion_gallery
    (id, agent_id, title, image_url, metadata, likes, views, created_at, updated_at)
SELECT kulti_seed.uid('fashion', a.a), a.agent_id, 'Look ' || a.a,
       'https://kulti.example/fashion/' || a.a || '.png', '{"season": "été"}', a.a % 9, a.a,
       p.anchor - interval '33 days', p.anchor - interval '33 days'
  FROM kulti_seed.agents a, kulti_seed.params p WHERE a.a % 2 = 0 ORDER BY a.a;

INSERT INTO public.ai_jewelry_gallery
    (id, agent_id, title, image_url, metadata, likes, views, created_at, updated_at)
SELECT kulti_seed.uid('jewelry', a.a), a.agent_id, 'Ring ' || a.a,
       'https://kulti.example/jewelry/' || a.a || '.png', '{"carat": 1.5}', a.a % 9, a.a,
       p.anchor - interval '32 days', p.anchor - interval '32 days'
  FROM kulti_seed.agents a, kulti_seed.params p WHERE a.a % 2 = 0 ORDER BY a.a;

-- What was said in sessions: as many messages as the participants' counts say, replies to
-- the host's first message, upvotes, and the conversations with the AI.

INSERT INTO public.messages
SELECT kulti_seed.uid('message', q.m),
       s.id,
       CASE WHEN kulti_seed.pick(q.m, 52, 40) > 0 THEN kulti_seed.uid('user', q.user_n) END,
       kulti_seed.phrase(kulti_seed.pick(q.m, 50, 32)) || ' '
         || kulti_seed.phrase(kulti_seed.pick(q.m, 51, 32)) || E'\n'
         || kulti_seed.phrase(kulti_seed.pick(q.m, 57, 32)) || ' '
         || kulti_seed.phrase(kulti_seed.pick(q.m, 58, 32))
         || CASE WHEN q.m % 6 = 0 THEN ' ' || kulti_seed.emoji((q.m % 100)::integer) ELSE '' END,
       CASE WHEN kulti_seed.pick(q.m, 52, 40) > 0 THEN 'text'
            WHEN q.m % 2 = 0 THEN 'system' ELSE 'ai' END,
       q.k = 0 AND q.j = 1 AND q.s % 10 = 0,
       CASE WHEN q.k = 0 AND q.j = 1 AND q.s % 10 = 0 THEN s.ended_at END,
       CASE WHEN q.k = 0 AND q.j = 1 AND q.s % 10 = 0 THEN kulti_seed.uid('user', q.user_n) END,
       CASE WHEN q.k > 0 AND kulti_seed.pick(q.m, 53, 10) = 0
            THEN kulti_seed.uid('message', q.s * 64) END,
       s.started_at + make_interval(secs => CASE WHEN q.k = 0 AND q.j = 0 THEN 1
                                                 ELSE 2 + kulti_seed.pick(q.m, 54, s.minutes * 60 - 5) END)
  FROM (SELECT p.*, j, p.s * 64::bigint + p.k * 4 + j AS m
          FROM kulti_seed.participants p, generate_series(0, p.chats - 1) AS j) q
  JOIN kulti_seed.sessions s ON s.s = q.s
 ORDER BY q.m;

INSERT INTO public.message_upvotes (id, message_id, user_id, created_at)
SELECT kulti_seed.uid('upvote', q.s * 16::bigint + q.k), kulti_seed.uid('message', q.s * 64::bigint),
       kulti_seed.uid('user', q.user_n), s.ended_at - interval '10 seconds'
  FROM kulti_seed.participants q JOIN kulti_seed.sessions s ON s.s = q.s
 WHERE q.k > 0 AND kulti_seed.pick(q.s * 16 + q.k, 55, 8) = 0
 ORDER BY q.s, q.k;

INSERT INTO public.ai_conversations
    (id, session_id, claude_conversation_id, context, total_messages, total_tokens_used,
     total_cost_credits, last_message_at, created_at, updated_at)
SELECT kulti_seed.uid('conversation', s.s), s.id, 'conv_' || substr(md5('c' || s.s), 1, 20),
       jsonb_build_object('language', kulti_seed.skill(s.s), 'files', jsonb_build_array('src/main.rs', 'a "b" c.txt')),
       4, 4 * 180, 10, s.ended_at - interval '1 minute', s.started_at, s.ended_at - interval '1 minute'
  FROM kulti_seed.sessions s WHERE s.ended AND s.s % 16 = 4
 ORDER BY s.s;

INSERT INTO public.ai_messages
    (id, conversation_id, user_id, role, content, metadata, tokens_used, cost_credits, created_at)
SELECT kulti_seed.uid('aimessage', s.s * 4::bigint + j), kulti_seed.uid('conversation', s.s),
       CASE WHEN j % 2 = 0 THEN kulti_seed.uid('user', s.host_n) END,
       CASE WHEN j % 2 = 0 THEN 'user' ELSE 'assistant' END,
       CASE WHEN j % 2 = 0 THEN kulti_seed.phrase(kulti_seed.pick(s.s * 4 + j, 56, 32))
            ELSE E'Try this:\n```sql\nSELECT count(*)\n  FROM t -- \\d t\n WHERE note <> ''it''''s'';\n```\n'
                 || kulti_seed.phrase(kulti_seed.pick(s.s * 4 + j, 56, 32)) END,
       jsonb_build_object('model', 'claude', 'temperature', 0.2),
       180, CASE WHEN j % 2 = 0 THEN 5 ELSE 0 END,
       s.ended_at - make_interval(secs => 60 + (3 - j) * 30)
  FROM kulti_seed.sessions s, generate_series(0, 3) AS j
 WHERE s.ended AND s.s % 16 = 4
 ORDER BY s.s, j;

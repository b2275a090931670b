-- Chat of a session and its conversation with the AI.
SET ROLE postgres;

-- Broken on the platform, and so here: output columns share names with the tables' columns.
CREATE FUNCTION public.get_messages_with_votes(p_session_id uuid)
    RETURNS TABLE (id uuid, content text, user_id uuid, created_at timestamptz, votes bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
  RETURN QUERY
  SELECT id, content, user_id, created_at,
         (SELECT count(*) FROM public.message_upvotes WHERE message_id = id)
    FROM public.messages
   WHERE session_id = p_session_id
   ORDER BY created_at;
END;
$$;

CREATE FUNCTION public.toggle_message_upvote(p_message_id uuid, p_user_id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  DELETE FROM public.message_upvotes WHERE message_id = p_message_id AND user_id = p_user_id;
  IF FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO public.message_upvotes (message_id, user_id) VALUES (p_message_id, p_user_id);
  RETURN true;
END;
$$;

CREATE FUNCTION public.toggle_message_pin(p_message_id uuid, p_user_id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  v_pinned boolean;
BEGIN
  UPDATE public.messages m
     SET is_pinned = NOT m.is_pinned,
         pinned_at = CASE WHEN m.is_pinned THEN NULL ELSE now() END,
         pinned_by = CASE WHEN m.is_pinned THEN NULL ELSE p_user_id END
   WHERE m.id = p_message_id AND public.is_session_host(m.session_id, p_user_id)
  RETURNING m.is_pinned INTO v_pinned;
  RETURN v_pinned;
END;
$$;

-- Two of the same name: with and without a limit on the depth.
CREATE FUNCTION public.get_message_thread(p_message_id uuid)
    RETURNS TABLE (message_id uuid, parent_id uuid, content text, depth integer)
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  WITH RECURSIVE thread AS (
    SELECT m.id, m.parent_message_id, m.content, 0 AS depth
      FROM public.messages m WHERE m.id = p_message_id
    UNION ALL
    SELECT m.id, m.parent_message_id, m.content, t.depth + 1
      FROM public.messages m JOIN thread t ON m.parent_message_id = t.id
  )
  SELECT * FROM thread;
$$;

CREATE FUNCTION public.get_message_thread(p_message_id uuid, p_max_depth integer)
    RETURNS TABLE (message_id uuid, parent_id uuid, content text, depth integer)
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT t.message_id, t.parent_id, t.content, t.depth
    FROM public.get_message_thread(p_message_id) t
   WHERE t.depth <= p_max_depth;
$$;

CREATE FUNCTION public.create_message_reply(
    p_parent_message_id uuid, p_user_id uuid, p_content text) RETURNS uuid
    LANGUAGE sql SECURITY DEFINER AS $$
  INSERT INTO public.messages (session_id, user_id, content, parent_message_id)
  SELECT m.session_id, p_user_id, p_content, m.id
    FROM public.messages m WHERE m.id = p_parent_message_id
  RETURNING id;
$$;

CREATE FUNCTION public.get_or_create_ai_conversation(p_session_id uuid) RETURNS uuid
    LANGUAGE sql SECURITY DEFINER AS $$
  INSERT INTO public.ai_conversations (session_id) VALUES (p_session_id)
  ON CONFLICT (session_id) DO UPDATE SET updated_at = now()
  RETURNING id;
$$;

CREATE FUNCTION public.add_ai_message(
    p_conversation_id uuid,
    p_user_id uuid,
    p_role text,
    p_content text,
    p_tokens integer DEFAULT 0,
    p_cost integer DEFAULT 0
) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  v_id uuid;
BEGIN
  INSERT INTO public.ai_messages
      (conversation_id, user_id, role, content, tokens_used, cost_credits)
  VALUES (p_conversation_id, p_user_id, p_role, p_content, p_tokens, p_cost)
  RETURNING id INTO v_id;
  UPDATE public.ai_conversations
     SET total_messages = total_messages + 1,
         total_tokens_used = total_tokens_used + p_tokens,
         total_cost_credits = total_cost_credits + p_cost,
         last_message_at = now(), updated_at = now()
   WHERE id = p_conversation_id;
  RETURN v_id;
END;
$$;

CREATE FUNCTION public.get_ai_conversation_history(
    p_session_id uuid, p_limit integer DEFAULT 50)
    RETURNS TABLE (role text, content text, created_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT m.role, m.content, m.created_at
    FROM public.ai_messages m
    JOIN public.ai_conversations c ON c.id = m.conversation_id
   WHERE c.session_id = p_session_id
   ORDER BY m.created_at DESC
   LIMIT p_limit;
$$;

CREATE FUNCTION public.can_user_chat_with_ai(p_session_id uuid, p_user_id uuid)
    RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT coalesce(bool_or(
           s.ai_module_enabled AND (
             s.host_id = p_user_id
             OR (s.ai_access_mode = 'manual' AND p_user_id = ANY (s.ai_allowed_users))
             OR (s.ai_access_mode = 'presenters' AND EXISTS (
                   SELECT 1 FROM public.session_participants sp
                    WHERE sp.session_id = s.id AND sp.user_id = p_user_id
                      AND sp.role IN ('host', 'presenter'))))), false)
    FROM public.sessions s WHERE s.id = p_session_id;
$$;

CREATE FUNCTION public.update_ai_module_settings(
    p_session_id uuid, p_user_id uuid, p_enabled boolean, p_mode text, p_allowed uuid[])
    RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE public.sessions
     SET ai_module_enabled = p_enabled,
         ai_access_mode = p_mode,
         ai_allowed_users = coalesce(p_allowed, '{}'),
         ai_module_updated_by = p_user_id,
         ai_module_updated_at = now()
   WHERE id = p_session_id AND host_id = p_user_id;
  RETURN FOUND;
END;
$$;

RESET ROLE;

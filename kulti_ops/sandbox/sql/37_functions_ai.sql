-- AI agents and small counters. The platform counts 69 functions and only 51 of them are
-- known by name, beside those of the triggers. The nine marked (*) are made up: what such an
-- application has, so that inventories have the platform's size.
SET ROLE postgres;

-- Broken on the platform, and so here: ambiguous column names.
CREATE FUNCTION public.get_inspiration_chain(p_type public.creative_work_type, p_id uuid)
    RETURNS TABLE (original_id uuid, response_id uuid, relationship text, depth integer)
    LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
  RETURN QUERY
  WITH RECURSIVE chain AS (
    SELECT original_id, response_id, relationship::text, 0 AS depth
      FROM public.ai_creative_responses
     WHERE original_type = p_type AND original_id = p_id
    UNION ALL
    SELECT r.original_id, r.response_id, r.relationship::text, c.depth + 1
      FROM public.ai_creative_responses r JOIN chain c ON r.original_id = c.response_id
  )
  SELECT * FROM chain;
END;
$$;

-- (*)
CREATE FUNCTION public.increment_agent_views(p_agent_id text) RETURNS void
    LANGUAGE sql SECURITY DEFINER AS $$
  UPDATE public.ai_agent_sessions SET total_views = coalesce(total_views, 0) + 1
   WHERE agent_id = p_agent_id;
$$;

-- (*)
CREATE FUNCTION public.get_agent_follower_count(p_agent_id text) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT count(*) FROM public.ai_agent_followers f WHERE f.agent_id = p_agent_id;
$$;

-- (*)
CREATE FUNCTION public.cleanup_expired_agent_memories() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  v_count integer;
BEGIN
  DELETE FROM public.ai_agent_memories WHERE expires_at < now();
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END;
$$;

-- (*)
CREATE FUNCTION public.cleanup_expired_verification_attempts() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  v_count integer;
BEGIN
  DELETE FROM public.ai_agent_verification_attempts
   WHERE status = 'pending' AND expires_at < now();
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END;
$$;

-- (*)
CREATE FUNCTION public.get_unread_notification_count(p_user_id uuid) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT count(*) FROM public.notifications n WHERE n.user_id = p_user_id AND NOT n.read;
$$;

-- (*)
CREATE FUNCTION public.mark_notifications_read(p_user_id uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  v_count integer;
BEGIN
  UPDATE public.notifications SET read = true WHERE user_id = p_user_id AND NOT read;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END;
$$;

-- (*)
CREATE FUNCTION public.get_session_viewer_count(p_session_id uuid) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT count(*) FROM public.session_participants sp
   WHERE sp.session_id = p_session_id AND sp.is_active;
$$;

-- (*)
CREATE FUNCTION public.get_credit_rank(p_user_id uuid) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT count(*) + 1 FROM public.profiles p
   WHERE p.total_credits_earned
         > (SELECT me.total_credits_earned FROM public.profiles me WHERE me.id = p_user_id);
$$;

-- (*)
CREATE FUNCTION public.get_credit_leaderboard(p_limit integer DEFAULT 10)
    RETURNS TABLE (user_id uuid, username text, total_credits_earned integer)
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT p.id, p.username, p.total_credits_earned FROM public.profiles p
   ORDER BY p.total_credits_earned DESC, p.username LIMIT p_limit;
$$;

RESET ROLE;

-- Community rooms and their topics.
SET ROLE postgres;

CREATE FUNCTION public.join_community_room(p_room_id uuid, p_user_id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO public.room_members (room_id, user_id) VALUES (p_room_id, p_user_id)
  ON CONFLICT (room_id, user_id) DO NOTHING;
  IF FOUND THEN
    UPDATE public.community_rooms SET member_count = member_count + 1 WHERE id = p_room_id;
    RETURN true;
  END IF;
  RETURN false;
END;
$$;

CREATE FUNCTION public.leave_community_room(p_room_id uuid, p_user_id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  DELETE FROM public.room_members WHERE room_id = p_room_id AND user_id = p_user_id;
  IF FOUND THEN
    UPDATE public.community_rooms SET member_count = greatest(member_count - 1, 0)
     WHERE id = p_room_id;
    RETURN true;
  END IF;
  RETURN false;
END;
$$;

CREATE FUNCTION public.get_user_rooms(p_user_id uuid)
    RETURNS TABLE (room_id uuid, slug text, name text, role text, unread bigint)
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT r.id, r.slug, r.name, m.role,
         (SELECT count(*) FROM public.room_messages x
           WHERE x.room_id = r.id AND x.created_at > m.last_read_at)
    FROM public.room_members m JOIN public.community_rooms r ON r.id = m.room_id
   WHERE m.user_id = p_user_id AND r.archived_at IS NULL;
$$;

CREATE FUNCTION public.get_room_messages(
    p_room_id uuid, p_limit integer DEFAULT 50, p_before timestamptz DEFAULT NULL)
    RETURNS SETOF public.room_messages
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT m.* FROM public.room_messages m
   WHERE m.room_id = p_room_id AND m.deleted_at IS NULL
     AND (p_before IS NULL OR m.created_at < p_before)
   ORDER BY m.created_at DESC
   LIMIT p_limit;
$$;

CREATE FUNCTION public.toggle_topic_vote(
    p_topic_id uuid, p_user_id uuid, p_weight integer DEFAULT 1) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  DELETE FROM public.topic_votes WHERE topic_id = p_topic_id AND user_id = p_user_id;
  IF FOUND THEN
    UPDATE public.discussion_topics SET upvote_count = greatest(upvote_count - 1, 0)
     WHERE id = p_topic_id;
    RETURN false;
  END IF;
  INSERT INTO public.topic_votes (topic_id, user_id, vote_weight)
  VALUES (p_topic_id, p_user_id, p_weight);
  UPDATE public.discussion_topics SET upvote_count = upvote_count + 1 WHERE id = p_topic_id;
  RETURN true;
END;
$$;

CREATE FUNCTION public.get_popular_topics(p_room_id uuid, p_limit integer DEFAULT 10)
    RETURNS SETOF public.discussion_topics
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT t.* FROM public.discussion_topics t
   WHERE t.room_id = p_room_id AND t.status IN ('proposed', 'planned')
   ORDER BY t.upvote_count DESC, t.created_at
   LIMIT p_limit;
$$;

CREATE FUNCTION public.mark_topic_covered(p_topic_id uuid, p_session_id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE public.discussion_topics
     SET status = 'completed', covered_in_session_id = p_session_id,
         covered_at = now(), updated_at = now()
   WHERE id = p_topic_id;
  RETURN FOUND;
END;
$$;

RESET ROLE;

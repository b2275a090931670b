-- Sessions: presenters, presence, matchmaking.
SET ROLE postgres;

CREATE FUNCTION public.generate_presenter_invite_token(p_session_id uuid) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  v_token text := replace(gen_random_uuid()::text, '-', '');
BEGIN
  UPDATE public.sessions
     SET presenter_invite_token = v_token, presenter_invite_revoked = false
   WHERE id = p_session_id AND host_id = auth.uid();
  IF NOT FOUND THEN
    RAISE EXCEPTION 'Only the host can generate a presenter invite';
  END IF;
  RETURN v_token;
END;
$$;

CREATE FUNCTION public.revoke_presenter_invite_token(p_session_id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE public.sessions SET presenter_invite_revoked = true
   WHERE id = p_session_id AND host_id = auth.uid();
  RETURN FOUND;
END;
$$;

-- Broken on the platform, and so here: no session ever has the status 'active'.
CREATE FUNCTION public.get_session_by_presenter_token(p_token text)
    RETURNS TABLE (session_id uuid, title text, room_code text, hms_room_id text)
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT s.id, s.title, s.room_code, s.hms_room_id
    FROM public.sessions s
   WHERE s.presenter_invite_token = p_token
     AND NOT coalesce(s.presenter_invite_revoked, false)
     AND s.status = 'active';
$$;

CREATE FUNCTION public.add_guest_presenter(
    p_session_id uuid, p_display_name text, p_hms_peer_id text DEFAULT NULL) RETURNS uuid
    LANGUAGE sql SECURITY DEFINER AS $$
  INSERT INTO public.guest_presenters (session_id, display_name, hms_peer_id)
  VALUES (p_session_id, p_display_name, p_hms_peer_id)
  ON CONFLICT (session_id, display_name) DO UPDATE
     SET is_active = true, left_at = NULL, hms_peer_id = excluded.hms_peer_id
  RETURNING id;
$$;

CREATE FUNCTION public.mark_guest_presenter_left(p_session_id uuid, p_display_name text)
    RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE public.guest_presenters SET is_active = false, left_at = now()
   WHERE session_id = p_session_id AND display_name = p_display_name AND is_active;
  RETURN FOUND;
END;
$$;

CREATE FUNCTION public.update_user_presence(
    p_user_id uuid,
    p_is_online boolean,
    p_session_id uuid DEFAULT NULL,
    p_available boolean DEFAULT NULL
) RETURNS void
    LANGUAGE sql SECURITY DEFINER AS $$
  INSERT INTO public.user_presence
      (user_id, is_online, last_seen, current_session_id, available_for_matching, updated_at)
  VALUES (p_user_id, p_is_online, now(), p_session_id, coalesce(p_available, false), now())
  ON CONFLICT (user_id) DO UPDATE
     SET is_online = excluded.is_online,
         last_seen = excluded.last_seen,
         current_session_id = excluded.current_session_id,
         available_for_matching =
             coalesce(p_available, public.user_presence.available_for_matching),
         updated_at = now();
$$;

-- Score = 0.15 per shared skill + 0.10 per shared interest, at most 1.
CREATE FUNCTION public.get_compatible_users(p_user_id uuid, p_limit integer DEFAULT 10)
    RETURNS TABLE (user_id uuid, username text, match_score numeric)
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT o.id, o.username,
         least(1.0,
               0.15 * (SELECT count(*) FROM unnest(o.skills) x WHERE x = ANY (me.skills))
             + 0.10 * (SELECT count(*) FROM unnest(o.interests) x WHERE x = ANY (me.interests)))
           AS score
    FROM public.profiles me
    JOIN public.profiles o
      ON o.id <> me.id AND o.matchmaking_enabled
     AND (o.skills && me.skills OR o.interests && me.interests)
   WHERE me.id = p_user_id
   ORDER BY score DESC, o.username
   LIMIT p_limit;
$$;

CREATE FUNCTION public.create_matchmaking_suggestion(
    p_user_id uuid, p_suggested uuid[], p_score numeric, p_reasons jsonb DEFAULT '[]'::jsonb)
    RETURNS uuid
    LANGUAGE sql SECURITY DEFINER AS $$
  INSERT INTO public.matchmaking_suggestions
      (user_id, suggested_users, match_score, match_reasons, expires_at)
  VALUES (p_user_id, p_suggested, p_score, p_reasons, now() + interval '30 minutes')
  RETURNING id;
$$;

CREATE FUNCTION public.find_joinable_matchmaking_sessions(p_user_id uuid)
    RETURNS TABLE (session_id uuid, title text, participants bigint)
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT s.id, s.title, count(sp.id)
    FROM public.sessions s
    LEFT JOIN public.session_participants sp ON sp.session_id = s.id AND sp.is_active
   WHERE s.is_matchmaking_session AND s.status = 'live' AND s.host_id <> p_user_id
   GROUP BY s.id, s.title, s.max_presenters
  HAVING count(sp.id) < s.max_presenters;
$$;

-- The clean-up functions. Nothing on the platform schedules them.
CREATE FUNCTION public.expire_matchmaking_suggestions() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  v_count integer;
BEGIN
  UPDATE public.matchmaking_suggestions SET status = 'expired'
   WHERE status IN ('pending', 'viewed') AND expires_at < now();
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END;
$$;

CREATE FUNCTION public.cleanup_stale_presence() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  v_count integer;
BEGIN
  UPDATE public.user_presence
     SET is_online = false, current_session_id = NULL, updated_at = now()
   WHERE is_online AND last_seen < now() - interval '5 minutes';
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END;
$$;

CREATE FUNCTION public.cleanup_old_notifications(p_days integer DEFAULT 90) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  v_count integer;
BEGIN
  DELETE FROM public.notifications
   WHERE read AND created_at < now() - make_interval(days => p_days);
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END;
$$;

RESET ROLE;

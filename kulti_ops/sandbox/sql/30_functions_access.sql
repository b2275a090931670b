-- Who may what: the small questions that policies and other functions ask.
-- SECURITY DEFINER because they read tables that the caller may not see through RLS.
SET ROLE postgres;

CREATE FUNCTION public.is_admin() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path TO 'public' AS $$
  SELECT EXISTS (SELECT 1 FROM public.profiles WHERE id = auth.uid() AND role = 'admin');
$$;

CREATE FUNCTION public.get_user_role(p_user_id uuid DEFAULT auth.uid()) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path TO 'public' AS $$
  SELECT coalesce((SELECT role FROM public.profiles WHERE id = p_user_id), 'user');
$$;

CREATE FUNCTION public.is_session_host(p_session_id uuid, p_user_id uuid DEFAULT auth.uid())
    RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path TO 'public' AS $$
  SELECT EXISTS (SELECT 1 FROM public.sessions
                 WHERE id = p_session_id AND host_id = p_user_id);
$$;

CREATE FUNCTION public.is_session_participant(
    p_session_id uuid, p_user_id uuid DEFAULT auth.uid()) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path TO 'public' AS $$
  SELECT EXISTS (SELECT 1 FROM public.session_participants
                 WHERE session_id = p_session_id AND user_id = p_user_id);
$$;

CREATE FUNCTION public.is_room_member(p_room_id uuid, p_user_id uuid DEFAULT auth.uid())
    RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path TO 'public' AS $$
  SELECT EXISTS (SELECT 1 FROM public.room_members
                 WHERE room_id = p_room_id AND user_id = p_user_id);
$$;

CREATE FUNCTION public.is_room_moderator(p_room_id uuid, p_user_id uuid DEFAULT auth.uid())
    RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path TO 'public' AS $$
  SELECT EXISTS (SELECT 1 FROM public.room_members
                 WHERE room_id = p_room_id AND user_id = p_user_id
                   AND role IN ('admin', 'moderator'));
$$;

RESET ROLE;

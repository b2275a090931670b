-- What the triggers call. Eight of them belong to the platform's eight triggers of public;
-- sync_last_active_from_auth belongs to the custom trigger on auth.users.
SET ROLE postgres;

-- Swallows the failure of the function it calls: a WARNING in the log, no codes, no error.
CREATE FUNCTION public.auto_generate_invite_codes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  BEGIN
    PERFORM public.create_initial_user_invite_codes(NEW.id);
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'could not create invite codes for %: %', NEW.id, SQLERRM;
  END;
  RETURN NEW;
END;
$$;

CREATE FUNCTION public.update_recordings_updated_at() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at = now();
  RETURN NEW;
END;
$$;

CREATE FUNCTION public.increment_message_count() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE public.community_rooms SET message_count = message_count + 1 WHERE id = NEW.room_id;
  RETURN NEW;
END;
$$;

CREATE FUNCTION public.increment_comment_count() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE public.discussion_topics SET comment_count = comment_count + 1 WHERE id = NEW.topic_id;
  RETURN NEW;
END;
$$;

CREATE FUNCTION public.update_reply_count() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF NEW.thread_id IS NOT NULL THEN
    UPDATE public.ai_chat_messages SET reply_count = reply_count + 1 WHERE id = NEW.thread_id;
  END IF;
  RETURN NEW;
END;
$$;

CREATE FUNCTION public.notify_followers_on_live() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF NEW.status = 'live' AND OLD.status IS DISTINCT FROM 'live' THEN
    INSERT INTO public.ai_notifications (user_id, guest_id, type, agent_id, title, body)
    SELECT f.follower_user_id, f.follower_guest_id, 'agent_live', NEW.agent_id,
           NEW.agent_name || ' is live', NEW.current_task
      FROM public.ai_agent_followers f
     WHERE f.agent_id = NEW.agent_id AND f.notify_on_live;
  END IF;
  RETURN NEW;
END;
$$;

CREATE FUNCTION public.update_ai_agent_sessions_updated_at() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at = now();
  RETURN NEW;
END;
$$;

CREATE FUNCTION public.update_ai_agent_memories_updated_at() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at = now();
  RETURN NEW;
END;
$$;

CREATE FUNCTION public.sync_last_active_from_auth() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path TO '' AS $$
BEGIN
  UPDATE public.profiles SET last_active_date = (NEW.last_sign_in_at AT TIME ZONE 'UTC')::date
   WHERE id = NEW.id;
  RETURN NEW;
END;
$$;

RESET ROLE;

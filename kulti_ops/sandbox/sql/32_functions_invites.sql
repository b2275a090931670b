-- Invites: codes, their uses, and the tree of who invited whom.
SET ROLE postgres;

-- 'K' and four hex digits: 65,536 codes in all. Loops for ever once they are used up.
CREATE FUNCTION public.generate_invite_code() RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  v_code text;
BEGIN
  LOOP
    v_code := 'K' || upper(substr(md5(random()::text || clock_timestamp()::text), 1, 4));
    EXIT WHEN NOT EXISTS (SELECT 1 FROM public.invites i WHERE i.code = v_code);
  END LOOP;
  RETURN v_code;
END;
$$;

CREATE FUNCTION public.create_invite_code(
    p_created_by uuid,
    p_max_uses integer DEFAULT 1,
    p_expires_at timestamptz DEFAULT NULL,
    p_metadata jsonb DEFAULT '{}'::jsonb
) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  v_code text := public.generate_invite_code();
BEGIN
  INSERT INTO public.invites (code, created_by, max_uses, expires_at, metadata)
  VALUES (v_code, p_created_by, p_max_uses, p_expires_at, p_metadata);
  RETURN v_code;
END;
$$;

-- Broken on the platform, and so here: `code` is both the output column and a column of
-- invites, so every call fails with "column reference is ambiguous".
CREATE FUNCTION public.create_initial_user_invite_codes(p_user_id uuid)
    RETURNS TABLE (code text)
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  v_code text;
BEGIN
  FOR i IN 1..5 LOOP
    v_code := 'K' || upper(substr(md5(random()::text), 1, 4));
    IF NOT EXISTS (SELECT 1 FROM public.invites WHERE code = v_code) THEN
      INSERT INTO public.invites (code, created_by, max_uses) VALUES (v_code, p_user_id, 1);
      RETURN QUERY SELECT v_code;
    END IF;
  END LOOP;
END;
$$;

CREATE FUNCTION public.use_invite_code(
    p_code text, p_user_id uuid, p_metadata jsonb DEFAULT '{}'::jsonb) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  v_invite public.invites;
BEGIN
  SELECT * INTO v_invite FROM public.invites i
   WHERE i.code = p_code AND i.is_active
     AND (i.expires_at IS NULL OR i.expires_at > now())
   FOR UPDATE;
  IF NOT FOUND OR v_invite.current_uses >= v_invite.max_uses THEN
    RETURN false;
  END IF;
  INSERT INTO public.invite_uses (invite_id, used_by, metadata)
  VALUES (v_invite.id, p_user_id, p_metadata);
  UPDATE public.invites
     SET current_uses = current_uses + 1, updated_at = now()
   WHERE id = v_invite.id;
  UPDATE public.profiles
     SET invite_code = p_code, referred_by = v_invite.created_by
   WHERE id = p_user_id;
  IF v_invite.created_by IS NOT NULL AND v_invite.created_by <> p_user_id THEN
    PERFORM public.add_credits(v_invite.created_by, 50, 'referral_bonus', NULL,
                               jsonb_build_object('referredUserId', p_user_id, 'code', p_code));
  END IF;
  RETURN true;
END;
$$;

CREATE FUNCTION public.get_invite_analytics(p_user_id uuid)
    RETURNS TABLE (total_codes bigint, total_capacity bigint, total_used bigint)
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT count(*), coalesce(sum(i.max_uses), 0), coalesce(sum(i.current_uses), 0)
    FROM public.invites i WHERE i.created_by = p_user_id;
$$;

CREATE FUNCTION public.get_all_descendants(p_user_id uuid)
    RETURNS TABLE (user_id uuid, username text, depth integer)
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  WITH RECURSIVE tree AS (
    SELECT p.id, p.username, 1 AS depth FROM public.profiles p WHERE p.referred_by = p_user_id
    UNION ALL
    SELECT p.id, p.username, t.depth + 1
      FROM public.profiles p JOIN tree t ON p.referred_by = t.id
     WHERE t.depth < 50
  )
  SELECT id, username, depth FROM tree;
$$;

CREATE FUNCTION public.get_referral_stats(p_user_id uuid)
    RETURNS TABLE (direct_referrals bigint, all_referrals bigint, credits_from_referrals bigint)
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT (SELECT count(*) FROM public.profiles p WHERE p.referred_by = p_user_id),
         (SELECT count(*) FROM public.get_all_descendants(p_user_id)),
         (SELECT coalesce(sum(ct.amount), 0) FROM public.credit_transactions ct
           WHERE ct.user_id = p_user_id AND ct.type = 'referral_bonus');
$$;

CREATE FUNCTION public.get_referral_chain(p_user_id uuid)
    RETURNS TABLE (user_id uuid, username text, depth integer)
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
  WITH RECURSIVE chain AS (
    SELECT p.id, p.username, p.referred_by, 0 AS depth
      FROM public.profiles p WHERE p.id = p_user_id
    UNION ALL
    SELECT p.id, p.username, p.referred_by, c.depth + 1
      FROM public.profiles p JOIN chain c ON p.id = c.referred_by
     WHERE c.depth < 50
  )
  SELECT id, username, depth FROM chain ORDER BY depth;
$$;

RESET ROLE;

-- Comments on objects of each kind: a restore has to bring them back as they are.
SET ROLE postgres;

COMMENT ON TABLE public.credit_transactions IS
    'Audit ledger: one row per change of a balance; written by add_credits() only';
COMMENT ON TABLE public.session_participants IS 'Basis of the credits paid at a session''s end';
COMMENT ON COLUMN public.profiles.referred_by IS 'Creator of the invite code that was used';
COMMENT ON COLUMN public.recordings.hms_recording_id IS 'HMS''s id; "unique" only by hope';
COMMENT ON FUNCTION public.add_credits(uuid, integer, text, uuid, jsonb) IS
    'Changes a balance and writes the ledger row, in one transaction';
COMMENT ON VIEW public.user_credit_stats IS 'Credits per user, from the ledger';
COMMENT ON INDEX public.idx_profiles_role IS 'few rows: moderators and admins only';
COMMENT ON CONSTRAINT invites_current_uses_check ON public.invites IS
    'never more uses than allowed';
COMMENT ON TRIGGER auto_generate_invite_codes_on_signup ON public.profiles IS
    'should give five codes; see create_initial_user_invite_codes()';
COMMENT ON POLICY "Users can update their own profile" ON public.profiles IS
    'every column, that is the trouble';
COMMENT ON TYPE public.creative_relationship IS 'how one work answers another';

RESET ROLE;

-- Primary keys, unique constraints and indexes of 20_tables_people.sql; made after the load.
SET ROLE postgres;

ALTER TABLE public.profiles
    ADD CONSTRAINT profiles_pkey PRIMARY KEY (id),
    ADD CONSTRAINT profiles_username_key UNIQUE (username);
CREATE INDEX idx_profiles_username_lower ON public.profiles (lower(username));
CREATE INDEX idx_profiles_invite_code ON public.profiles (invite_code);
CREATE INDEX idx_profiles_referred_by ON public.profiles (referred_by);
CREATE INDEX idx_profiles_role ON public.profiles (role) WHERE role <> 'user';
CREATE INDEX idx_profiles_credits_balance ON public.profiles (credits_balance DESC);
CREATE INDEX idx_profiles_total_earned ON public.profiles (total_credits_earned DESC);
CREATE INDEX idx_profiles_last_active ON public.profiles (last_active_date);
CREATE INDEX idx_profiles_skills ON public.profiles USING gin (skills);
CREATE INDEX idx_profiles_interests ON public.profiles USING gin (interests);
CREATE INDEX idx_profiles_matchmaking ON public.profiles (experience_level)
    WHERE matchmaking_enabled = true AND profile_completed = true;
CREATE INDEX idx_profiles_created_at ON public.profiles (created_at DESC);
CREATE INDEX idx_profiles_unapproved ON public.profiles (created_at) WHERE is_approved = false;

ALTER TABLE public.user_presence ADD CONSTRAINT user_presence_pkey PRIMARY KEY (user_id);
CREATE INDEX idx_user_presence_online ON public.user_presence (is_online, last_seen DESC);
CREATE INDEX idx_user_presence_session ON public.user_presence (current_session_id);
CREATE INDEX idx_user_presence_available ON public.user_presence (last_seen DESC)
    WHERE available_for_matching = true AND is_online = true;

ALTER TABLE public.notifications ADD CONSTRAINT notifications_pkey PRIMARY KEY (id);
CREATE INDEX idx_notifications_user ON public.notifications (user_id, created_at DESC);
CREATE INDEX idx_notifications_unread ON public.notifications (user_id) WHERE read = false;
CREATE INDEX idx_notifications_type ON public.notifications (type);

ALTER TABLE public.waitlist
    ADD CONSTRAINT waitlist_pkey PRIMARY KEY (id),
    ADD CONSTRAINT waitlist_email_key UNIQUE (email);
ALTER TABLE public.app_config ADD CONSTRAINT app_config_pkey PRIMARY KEY (key);

RESET ROLE;

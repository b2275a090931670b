-- public: who is who. Columns, defaults and checks here; keys and indexes follow the data (50-59).
SET ROLE postgres;

CREATE TABLE public.profiles (
    id uuid NOT NULL,
    username text NOT NULL,
    display_name text,
    avatar_url text,
    bio text,
    is_approved boolean DEFAULT false,
    invite_code text,
    credits_balance integer DEFAULT 0
        CONSTRAINT profiles_credits_balance_check CHECK (credits_balance >= 0),
    total_credits_earned integer DEFAULT 0
        CONSTRAINT profiles_total_credits_earned_check CHECK (total_credits_earned >= 0),
    total_credits_spent integer DEFAULT 0
        CONSTRAINT profiles_total_credits_spent_check CHECK (total_credits_spent >= 0),
    credits_updated_at timestamptz DEFAULT now(),
    badges jsonb DEFAULT '[]'::jsonb,
    current_streak integer DEFAULT 0,
    longest_streak integer DEFAULT 0,
    last_active_date date,
    skills text[] DEFAULT '{}'::text[],
    interests text[] DEFAULT '{}'::text[],
    experience_level text CONSTRAINT profiles_experience_level_check
        CHECK (experience_level = ANY (ARRAY['beginner', 'intermediate', 'advanced'])),
    timezone text,
    matchmaking_enabled boolean DEFAULT true,
    profile_completed boolean DEFAULT false,
    role text DEFAULT 'user' CONSTRAINT profiles_role_check
        CHECK (role = ANY (ARRAY['user', 'moderator', 'admin'])),
    profile_visibility text DEFAULT 'public' CONSTRAINT profiles_profile_visibility_check
        CHECK (profile_visibility = ANY (ARRAY['public', 'friends', 'private'])),
    show_online_status boolean DEFAULT true,
    session_visibility text DEFAULT 'public' CONSTRAINT profiles_session_visibility_check
        CHECK (session_visibility = ANY (ARRAY['public', 'invite', 'private'])),
    show_credit_balance boolean DEFAULT true,
    notification_preferences jsonb DEFAULT '{"email": true, "push": true, "in_app": true}'::jsonb,
    referred_by uuid,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.user_presence (
    user_id uuid NOT NULL,
    is_online boolean NOT NULL DEFAULT false,
    last_seen timestamptz NOT NULL DEFAULT now(),
    current_session_id uuid,
    available_for_matching boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.notifications (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    type text NOT NULL CONSTRAINT notifications_type_check CHECK (type = ANY (ARRAY[
        'tip_received', 'badge_earned', 'match_found', 'topic_streamed', 'session_started',
        'presenter_invited', 'message_reply'])),
    title text NOT NULL,
    message text NOT NULL,
    link text,
    read boolean NOT NULL DEFAULT false,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The two tables of this file without RLS are so on the platform too.
CREATE TABLE public.waitlist (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    email text NOT NULL,
    name text,
    twitter_handle text,
    reason text,
    what_building text,
    status text DEFAULT 'pending' CONSTRAINT waitlist_status_check
        CHECK (status = ANY (ARRAY['pending', 'approved', 'rejected'])),
    position integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.app_config (
    key text NOT NULL,
    value jsonb NOT NULL,
    description text,
    updated_at timestamptz NOT NULL DEFAULT now()
);

RESET ROLE;

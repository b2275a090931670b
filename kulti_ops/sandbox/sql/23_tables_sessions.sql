-- public: live sessions, who took part, what was recorded.
SET ROLE postgres;

CREATE TABLE public.sessions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    room_code text NOT NULL,
    title text NOT NULL,
    description text,
    host_id uuid NOT NULL,
    hms_room_id text,
    status text DEFAULT 'scheduled' CONSTRAINT sessions_status_check
        CHECK (status = ANY (ARRAY['scheduled', 'live', 'ended'])),
    is_public boolean DEFAULT true,
    max_presenters integer DEFAULT 4,
    started_at timestamptz,
    ended_at timestamptz,
    rtmp_enabled boolean DEFAULT false,
    rtmp_stream_key_id text,
    total_credits_distributed integer DEFAULT 0,
    credits_calculated boolean DEFAULT false,
    avg_concurrent_viewers integer DEFAULT 0,
    total_chat_messages integer DEFAULT 0,
    engagement_score numeric(3,2) DEFAULT 0,
    boosted_until timestamptz,
    featured_rank integer DEFAULT 0,
    ai_module_enabled boolean DEFAULT false,
    ai_access_mode text DEFAULT 'host_only' CONSTRAINT sessions_ai_access_mode_check
        CHECK (ai_access_mode = ANY (ARRAY['host_only', 'presenters', 'manual'])),
    ai_allowed_users uuid[] DEFAULT '{}'::uuid[],
    ai_module_updated_by uuid,
    ai_module_updated_at timestamptz,
    presenter_invite_token text,
    presenter_invite_revoked boolean DEFAULT false,
    category text,
    tags text[] DEFAULT '{}'::text[],
    session_intent text CONSTRAINT sessions_session_intent_check
        CHECK (session_intent = ANY (ARRAY['learn', 'teach', 'collaborate', 'open'])),
    is_matchmaking_session boolean DEFAULT false,
    min_participants integer DEFAULT 2,
    stream_state jsonb DEFAULT '{}'::jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sessions_participants_range_check
        CHECK (min_participants >= 2 AND min_participants <= max_presenters)
);

-- Without RLS on the platform too.
CREATE TABLE public.session_participants (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    session_id uuid,
    user_id uuid,
    role text DEFAULT 'viewer' CONSTRAINT session_participants_role_check
        CHECK (role = ANY (ARRAY['host', 'presenter', 'viewer'])),
    joined_at timestamptz DEFAULT now(),
    watch_duration_seconds integer DEFAULT 0,
    credits_earned integer DEFAULT 0,
    last_heartbeat_at timestamptz,
    is_active boolean DEFAULT true,
    chat_messages_count integer DEFAULT 0,
    helped_others_count integer DEFAULT 0
);

CREATE TABLE public.guest_presenters (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    session_id uuid NOT NULL,
    display_name text NOT NULL,
    joined_at timestamptz NOT NULL DEFAULT now(),
    hms_peer_id text,
    is_active boolean NOT NULL DEFAULT true,
    left_at timestamptz
);

-- hms_recording_id is not unique on the platform: duplicates are something to look for.
CREATE TABLE public.recordings (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    session_id uuid NOT NULL,
    hms_recording_id text NOT NULL,
    recording_url text,
    duration integer,
    status text NOT NULL DEFAULT 'recording' CONSTRAINT recordings_status_check
        CHECK (status = ANY (ARRAY['recording', 'processing', 'completed', 'failed'])),
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.matchmaking_suggestions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    suggested_users uuid[] NOT NULL,
    match_score numeric(3,2) NOT NULL CONSTRAINT matchmaking_suggestions_match_score_check
        CHECK (match_score >= 0 AND match_score <= 1),
    match_reasons jsonb DEFAULT '[]'::jsonb,
    session_id uuid,
    status text NOT NULL DEFAULT 'pending' CONSTRAINT matchmaking_suggestions_status_check
        CHECK (status = ANY (ARRAY['pending', 'viewed', 'accepted', 'declined', 'expired'])),
    expires_at timestamptz NOT NULL DEFAULT (now() + interval '30 minutes'),
    created_at timestamptz NOT NULL DEFAULT now()
);

RESET ROLE;

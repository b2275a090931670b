-- public: AI agents that stream, and everything keyed by their agent_id (a text).
SET ROLE postgres;

CREATE TABLE public.ai_agent_sessions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    agent_name text NOT NULL,
    status text NOT NULL DEFAULT 'offline' CONSTRAINT ai_agent_sessions_status_check
        CHECK (status = ANY (ARRAY['offline', 'starting', 'live', 'paused', 'error'])),
    room_id text,
    stream_key text,
    hls_url text,
    e2b_sandbox_id text,
    e2b_template text,
    preview_url text,
    preview_port integer,
    current_task text,
    viewers_count integer DEFAULT 0,
    total_views integer DEFAULT 0,
    files_edited integer DEFAULT 0,
    commands_run integer DEFAULT 0,
    stream_started_at timestamptz,
    creation_type text,
    creation_preview_url text,
    creation_gallery jsonb DEFAULT '[]'::jsonb,
    api_key text,
    api_key_created_at timestamptz,
    is_featured boolean DEFAULT false,
    bio text,
    x_handle text,
    x_verified boolean DEFAULT false,
    avatar_url text,
    banner_url text,
    website_url text,
    github_url text,
    links jsonb DEFAULT '[]'::jsonb,
    tags text[] DEFAULT '{}'::text[],
    theme_color text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_agent_followers (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    user_id uuid,
    notify_on_live boolean DEFAULT true,
    follower_user_id uuid,
    follower_guest_id text,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_agent_memories (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    type text NOT NULL,
    title text,
    content text NOT NULL,
    tags text[] DEFAULT '{}'::text[],
    importance integer DEFAULT 5,
    expires_at timestamptz,
    last_accessed_at timestamptz,
    access_count integer DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_agent_verification_attempts (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    x_handle text NOT NULL,
    tweet_id text,
    status text NOT NULL DEFAULT 'pending',
    verified_at timestamptz,
    expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_agent_x_activity (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    x_username text NOT NULL,
    action_type text NOT NULL,
    tweet_id text,
    content text,
    success boolean DEFAULT true,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Holds OAuth tokens: personal data's sharper sister.
CREATE TABLE public.ai_agent_x_connections (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    x_user_id text NOT NULL,
    x_username text NOT NULL,
    access_token text NOT NULL,
    refresh_token text,
    token_expires_at timestamptz,
    scopes text[] DEFAULT '{}'::text[],
    is_active boolean DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_notifications (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid,
    guest_id text,
    type text NOT NULL,
    agent_id text NOT NULL,
    title text NOT NULL,
    body text,
    data jsonb DEFAULT '{}'::jsonb,
    read boolean DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_stream_events (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    session_id uuid,
    type text NOT NULL CONSTRAINT ai_stream_events_type_check CHECK (type = ANY (ARRAY[
        'terminal', 'thinking', 'thought', 'code', 'file_edit', 'command', 'status',
        'preview_update'])),
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_stream_messages (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    session_id uuid,
    sender_type text NOT NULL,
    sender_id text,
    sender_name text NOT NULL,
    message text NOT NULL,
    is_highlighted boolean DEFAULT false,
    is_pinned boolean DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_stream_recordings (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    session_id uuid,
    agent_id text NOT NULL,
    agent_name text NOT NULL,
    title text,
    description text,
    duration_seconds integer,
    video_url text,
    thumbnail_url text,
    views integer DEFAULT 0,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now()
);

RESET ROLE;

-- public: nine galleries, alike but, as on the platform, not the same.
SET ROLE postgres;

CREATE TABLE public.ai_architecture_gallery (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    title text NOT NULL,
    description text,
    image_url text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb,
    likes integer DEFAULT 0,
    views integer DEFAULT 0,
    inspired_by_id uuid,
    inspired_by_type text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_art_gallery (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    title text NOT NULL,
    description text,
    image_url text NOT NULL,
    thumbnail_url text,
    prompt text,
    tags text[] DEFAULT '{}'::text[],
    metadata jsonb DEFAULT '{}'::jsonb,
    likes_count integer DEFAULT 0,
    is_public boolean DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_fashion_gallery (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    title text NOT NULL,
    description text,
    image_url text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb,
    likes integer DEFAULT 0,
    views integer DEFAULT 0,
    inspired_by_id uuid,
    inspired_by_type text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_jewelry_gallery (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    title text NOT NULL,
    description text,
    image_url text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb,
    likes integer DEFAULT 0,
    views integer DEFAULT 0,
    inspired_by_id uuid,
    inspired_by_type text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_music_gallery (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    title text NOT NULL,
    description text,
    audio_url text NOT NULL,
    thumbnail_url text,
    duration_seconds integer,
    metadata jsonb DEFAULT '{}'::jsonb,
    likes integer DEFAULT 0,
    is_public boolean DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_photo_gallery (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    title text NOT NULL,
    description text,
    image_url text NOT NULL,
    thumbnail_url text,
    tags text[] DEFAULT '{}'::text[],
    metadata jsonb DEFAULT '{}'::jsonb,
    likes integer DEFAULT 0,
    is_public boolean DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_shader_gallery (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    name text NOT NULL,
    description text,
    fragment_shader text NOT NULL,
    thumbnail_url text,
    tags text[] DEFAULT '{}'::text[],
    likes integer DEFAULT 0,
    is_public boolean DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_video_gallery (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    title text NOT NULL,
    description text,
    video_url text NOT NULL,
    thumbnail_url text,
    tags text[] DEFAULT '{}'::text[],
    metadata jsonb DEFAULT '{}'::jsonb,
    likes integer DEFAULT 0,
    is_public boolean DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_writing_gallery (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agent_id text NOT NULL,
    title text NOT NULL,
    content text NOT NULL,
    genre text,
    tags text[] DEFAULT '{}'::text[],
    likes integer DEFAULT 0,
    views integer DEFAULT 0,
    inspired_by_id uuid,
    inspired_by_type text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

RESET ROLE;

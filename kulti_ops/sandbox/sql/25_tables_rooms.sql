-- public: community rooms, their talk, and the topics they propose for sessions.
SET ROLE postgres;

CREATE TABLE public.community_rooms (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    slug text NOT NULL,
    name text NOT NULL,
    description text,
    category text NOT NULL,
    created_by uuid,
    is_public boolean NOT NULL DEFAULT true,
    member_count integer NOT NULL DEFAULT 0,
    message_count integer NOT NULL DEFAULT 0,
    icon_emoji text,
    tags text[] DEFAULT '{}'::text[],
    archived_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.room_members (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    room_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL DEFAULT 'member' CONSTRAINT room_members_role_check
        CHECK (role = ANY (ARRAY['admin', 'moderator', 'member'])),
    joined_at timestamptz NOT NULL DEFAULT now(),
    last_read_at timestamptz DEFAULT now(),
    is_muted boolean NOT NULL DEFAULT false
);

CREATE TABLE public.room_messages (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    room_id uuid NOT NULL,
    user_id uuid,
    content text NOT NULL CONSTRAINT room_messages_content_check
        CHECK (char_length(content) >= 1 AND char_length(content) <= 5000),
    type text NOT NULL DEFAULT 'text' CONSTRAINT room_messages_type_check
        CHECK (type = ANY (ARRAY['text', 'system', 'announcement'])),
    parent_message_id uuid,
    edited_at timestamptz,
    deleted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.room_message_reactions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    message_id uuid NOT NULL,
    user_id uuid NOT NULL,
    emoji text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.discussion_topics (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    room_id uuid NOT NULL,
    created_by uuid NOT NULL,
    title text NOT NULL CONSTRAINT discussion_topics_title_check
        CHECK (char_length(title) >= 5 AND char_length(title) <= 200),
    description text,
    tags text[] DEFAULT '{}'::text[],
    upvote_count integer NOT NULL DEFAULT 0,
    comment_count integer NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'proposed' CONSTRAINT discussion_topics_status_check
        CHECK (status = ANY (ARRAY['proposed', 'planned', 'in-progress', 'completed', 'archived'])),
    priority integer NOT NULL DEFAULT 0,
    covered_in_session_id uuid,
    covered_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.topic_comments (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    topic_id uuid NOT NULL,
    user_id uuid,
    content text NOT NULL CONSTRAINT topic_comments_content_check
        CHECK (char_length(content) >= 1 AND char_length(content) <= 2000),
    parent_comment_id uuid,
    edited_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.topic_votes (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    topic_id uuid NOT NULL,
    user_id uuid NOT NULL,
    vote_weight integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
);

RESET ROLE;

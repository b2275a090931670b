-- public: chat of a session, its votes, and the session's conversation with the AI.
SET ROLE postgres;

CREATE TABLE public.messages (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    session_id uuid,
    user_id uuid,
    content text NOT NULL,
    type text DEFAULT 'text' CONSTRAINT messages_type_check
        CHECK (type = ANY (ARRAY['text', 'system', 'ai'])),
    is_pinned boolean NOT NULL DEFAULT false,
    pinned_at timestamptz,
    pinned_by uuid,
    parent_message_id uuid,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.message_upvotes (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    message_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_conversations (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    session_id uuid NOT NULL,
    claude_conversation_id text,
    context jsonb DEFAULT '{}'::jsonb,
    total_messages integer DEFAULT 0,
    total_tokens_used integer DEFAULT 0,
    total_cost_credits integer DEFAULT 0,
    last_message_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ai_messages (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    conversation_id uuid NOT NULL,
    user_id uuid,
    role text NOT NULL CONSTRAINT ai_messages_role_check
        CHECK (role = ANY (ARRAY['user', 'assistant', 'system'])),
    content text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb,
    tokens_used integer DEFAULT 0,
    cost_credits integer DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);

RESET ROLE;

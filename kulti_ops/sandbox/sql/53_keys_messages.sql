-- Primary keys, unique constraints and indexes of 24_tables_messages.sql.
SET ROLE postgres;

ALTER TABLE public.messages ADD CONSTRAINT messages_pkey PRIMARY KEY (id);
CREATE INDEX idx_messages_session_created ON public.messages (session_id, created_at);
CREATE INDEX idx_messages_user ON public.messages (user_id);
CREATE INDEX idx_messages_parent ON public.messages (parent_message_id)
    WHERE parent_message_id IS NOT NULL;
CREATE INDEX idx_messages_pinned ON public.messages (session_id) WHERE is_pinned = true;
CREATE INDEX idx_messages_type ON public.messages (type);
CREATE INDEX idx_messages_created ON public.messages (created_at DESC);

ALTER TABLE public.message_upvotes
    ADD CONSTRAINT message_upvotes_pkey PRIMARY KEY (id),
    ADD CONSTRAINT message_upvotes_message_id_user_id_key UNIQUE (message_id, user_id);
CREATE INDEX idx_message_upvotes_message ON public.message_upvotes (message_id);
CREATE INDEX idx_message_upvotes_user ON public.message_upvotes (user_id);

ALTER TABLE public.ai_conversations
    ADD CONSTRAINT ai_conversations_pkey PRIMARY KEY (id),
    ADD CONSTRAINT ai_conversations_session_id_key UNIQUE (session_id);
CREATE INDEX idx_ai_conversations_claude ON public.ai_conversations (claude_conversation_id);
CREATE INDEX idx_ai_conversations_last ON public.ai_conversations (last_message_at DESC);

ALTER TABLE public.ai_messages ADD CONSTRAINT ai_messages_pkey PRIMARY KEY (id);

RESET ROLE;

-- Primary keys, unique constraints and indexes of 26_tables_ai_agents.sql and
-- 27_tables_ai_community.sql.
SET ROLE postgres;

ALTER TABLE public.ai_agent_sessions
    ADD CONSTRAINT ai_agent_sessions_pkey PRIMARY KEY (id),
    ADD CONSTRAINT ai_agent_sessions_agent_id_key UNIQUE (agent_id),
    ADD CONSTRAINT ai_agent_sessions_api_key_key UNIQUE (api_key);
CREATE INDEX idx_ai_agent_sessions_status ON public.ai_agent_sessions (status);
CREATE INDEX idx_ai_agent_sessions_featured ON public.ai_agent_sessions (total_views DESC)
    WHERE is_featured = true;
CREATE INDEX idx_ai_agent_sessions_views ON public.ai_agent_sessions (total_views DESC);
CREATE INDEX idx_ai_agent_sessions_tags ON public.ai_agent_sessions USING gin (tags);
CREATE INDEX idx_ai_agent_sessions_started
    ON public.ai_agent_sessions (stream_started_at DESC NULLS LAST);

ALTER TABLE public.ai_agent_followers
    ADD CONSTRAINT ai_agent_followers_pkey PRIMARY KEY (id),
    ADD CONSTRAINT ai_agent_followers_agent_id_user_id_key UNIQUE (agent_id, user_id);
CREATE INDEX idx_ai_agent_followers_agent ON public.ai_agent_followers (agent_id);
CREATE INDEX idx_ai_agent_followers_follower ON public.ai_agent_followers (follower_user_id);
CREATE INDEX idx_ai_agent_followers_guest ON public.ai_agent_followers (follower_guest_id);
CREATE INDEX idx_ai_agent_followers_notify
    ON public.ai_agent_followers (agent_id) WHERE notify_on_live = true;

ALTER TABLE public.ai_agent_memories ADD CONSTRAINT ai_agent_memories_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_agent_memories_agent ON public.ai_agent_memories (agent_id);
CREATE INDEX idx_ai_agent_memories_type ON public.ai_agent_memories (agent_id, type);
CREATE INDEX idx_ai_agent_memories_expires
    ON public.ai_agent_memories (expires_at) WHERE expires_at IS NOT NULL;

ALTER TABLE public.ai_agent_verification_attempts
    ADD CONSTRAINT ai_agent_verification_attempts_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_agent_verification_agent ON public.ai_agent_verification_attempts (agent_id);
CREATE INDEX idx_ai_agent_verification_status ON public.ai_agent_verification_attempts (status);

ALTER TABLE public.ai_agent_x_activity ADD CONSTRAINT ai_agent_x_activity_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_agent_x_activity_agent
    ON public.ai_agent_x_activity (agent_id, created_at DESC);
CREATE INDEX idx_ai_agent_x_activity_type ON public.ai_agent_x_activity (action_type);

ALTER TABLE public.ai_agent_x_connections
    ADD CONSTRAINT ai_agent_x_connections_pkey PRIMARY KEY (id),
    ADD CONSTRAINT ai_agent_x_connections_agent_id_key UNIQUE (agent_id),
    ADD CONSTRAINT ai_agent_x_connections_x_user_id_key UNIQUE (x_user_id);
CREATE INDEX idx_ai_agent_x_connections_username ON public.ai_agent_x_connections (x_username);
CREATE INDEX idx_ai_agent_x_connections_active
    ON public.ai_agent_x_connections (agent_id) WHERE is_active = true;

ALTER TABLE public.ai_notifications ADD CONSTRAINT ai_notifications_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_notifications_user ON public.ai_notifications (user_id, read);
CREATE INDEX idx_ai_notifications_guest ON public.ai_notifications (guest_id, read);
CREATE INDEX idx_ai_notifications_created ON public.ai_notifications (created_at DESC);

ALTER TABLE public.ai_stream_events ADD CONSTRAINT ai_stream_events_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_stream_events_session ON public.ai_stream_events (session_id, created_at);
CREATE INDEX idx_ai_stream_events_type ON public.ai_stream_events (type);

ALTER TABLE public.ai_stream_messages ADD CONSTRAINT ai_stream_messages_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_stream_messages_session
    ON public.ai_stream_messages (session_id, created_at);

ALTER TABLE public.ai_stream_recordings
    ADD CONSTRAINT ai_stream_recordings_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_stream_recordings_agent
    ON public.ai_stream_recordings (agent_id, recorded_at DESC);

ALTER TABLE public.ai_chat_messages ADD CONSTRAINT ai_chat_messages_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_chat_messages_room ON public.ai_chat_messages (room_id, created_at DESC);
CREATE INDEX idx_ai_chat_messages_thread ON public.ai_chat_messages (thread_id);

ALTER TABLE public.ai_community_messages
    ADD CONSTRAINT ai_community_messages_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_community_messages_created ON public.ai_community_messages (created_at DESC);
CREATE INDEX idx_ai_community_messages_type ON public.ai_community_messages (type);
CREATE INDEX idx_ai_community_messages_parent ON public.ai_community_messages (parent_id);
CREATE INDEX idx_ai_community_messages_agent ON public.ai_community_messages (agent_id);

ALTER TABLE public.ai_creative_responses
    ADD CONSTRAINT ai_creative_responses_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_creative_responses_original
    ON public.ai_creative_responses (original_type, original_id);
CREATE INDEX idx_ai_creative_responses_response
    ON public.ai_creative_responses (response_type, response_id);
CREATE INDEX idx_ai_creative_responses_original_agent
    ON public.ai_creative_responses (original_agent_id);
CREATE INDEX idx_ai_creative_responses_response_agent
    ON public.ai_creative_responses (response_agent_id);
CREATE INDEX idx_ai_creative_responses_created
    ON public.ai_creative_responses (created_at DESC);

ALTER TABLE public.ai_editorial
    ADD CONSTRAINT ai_editorial_pkey PRIMARY KEY (id),
    ADD CONSTRAINT ai_editorial_slug_key UNIQUE (slug);
CREATE INDEX idx_ai_editorial_category ON public.ai_editorial (category);
CREATE INDEX idx_ai_editorial_published ON public.ai_editorial (published_at DESC);
CREATE INDEX idx_ai_editorial_featured
    ON public.ai_editorial (published_at DESC) WHERE featured = true;

ALTER TABLE public.ai_showcase ADD CONSTRAINT ai_showcase_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_showcase_vertical ON public.ai_showcase (vertical);
CREATE INDEX idx_ai_showcase_featured ON public.ai_showcase (featured_at DESC);

RESET ROLE;

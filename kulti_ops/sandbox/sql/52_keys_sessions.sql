-- Primary keys, unique constraints and indexes of 23_tables_sessions.sql.
SET ROLE postgres;

ALTER TABLE public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id),
    ADD CONSTRAINT sessions_room_code_key UNIQUE (room_code),
    ADD CONSTRAINT sessions_presenter_invite_token_key UNIQUE (presenter_invite_token);
CREATE INDEX idx_sessions_host ON public.sessions (host_id);
CREATE INDEX idx_sessions_status ON public.sessions (status);
CREATE INDEX idx_sessions_status_created ON public.sessions (status, created_at DESC);
CREATE INDEX idx_sessions_public_live ON public.sessions (started_at DESC)
    WHERE is_public = true AND status = 'live';
CREATE INDEX idx_sessions_started ON public.sessions (started_at DESC);
CREATE INDEX idx_sessions_ended ON public.sessions (ended_at DESC);
CREATE INDEX idx_sessions_category ON public.sessions (category);
CREATE INDEX idx_sessions_tags ON public.sessions USING gin (tags);
CREATE INDEX idx_sessions_featured ON public.sessions (featured_rank DESC) WHERE featured_rank > 0;
CREATE INDEX idx_sessions_boosted ON public.sessions (boosted_until)
    WHERE boosted_until IS NOT NULL;
CREATE INDEX idx_sessions_hms_room ON public.sessions (hms_room_id);
CREATE INDEX idx_sessions_intent ON public.sessions (session_intent);
CREATE INDEX idx_sessions_matchmaking ON public.sessions (created_at DESC)
    WHERE is_matchmaking_session = true;
CREATE INDEX idx_sessions_created ON public.sessions (created_at DESC);

ALTER TABLE public.session_participants
    ADD CONSTRAINT session_participants_pkey PRIMARY KEY (id),
    ADD CONSTRAINT session_participants_session_id_user_id_key UNIQUE (session_id, user_id);
CREATE INDEX idx_session_participants_user ON public.session_participants (user_id);
CREATE INDEX idx_session_participants_user_joined
    ON public.session_participants (user_id, joined_at DESC);
CREATE INDEX idx_session_participants_heartbeat
    ON public.session_participants (last_heartbeat_at) WHERE is_active = true;
CREATE INDEX idx_session_participants_active
    ON public.session_participants (session_id) WHERE is_active = true;
CREATE INDEX idx_session_participants_role ON public.session_participants (session_id, role);
CREATE INDEX idx_session_participants_joined ON public.session_participants (joined_at DESC);

ALTER TABLE public.guest_presenters
    ADD CONSTRAINT guest_presenters_pkey PRIMARY KEY (id),
    ADD CONSTRAINT guest_presenters_session_id_display_name_key
        UNIQUE (session_id, display_name);
CREATE INDEX idx_guest_presenters_session ON public.guest_presenters (session_id);
CREATE INDEX idx_guest_presenters_active
    ON public.guest_presenters (session_id) WHERE is_active = true;
CREATE INDEX idx_guest_presenters_peer ON public.guest_presenters (hms_peer_id);

ALTER TABLE public.recordings ADD CONSTRAINT recordings_pkey PRIMARY KEY (id);
CREATE INDEX idx_recordings_session ON public.recordings (session_id);
CREATE INDEX idx_recordings_hms ON public.recordings (hms_recording_id);
CREATE INDEX idx_recordings_status ON public.recordings (status);

ALTER TABLE public.matchmaking_suggestions
    ADD CONSTRAINT matchmaking_suggestions_pkey PRIMARY KEY (id);
CREATE INDEX idx_matchmaking_user ON public.matchmaking_suggestions (user_id, created_at DESC);
CREATE INDEX idx_matchmaking_status ON public.matchmaking_suggestions (status, expires_at);
CREATE INDEX idx_matchmaking_session ON public.matchmaking_suggestions (session_id);

RESET ROLE;

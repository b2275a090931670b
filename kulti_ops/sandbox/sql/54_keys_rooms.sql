-- Primary keys, unique constraints and indexes of 25_tables_rooms.sql.
SET ROLE postgres;

ALTER TABLE public.community_rooms
    ADD CONSTRAINT community_rooms_pkey PRIMARY KEY (id),
    ADD CONSTRAINT community_rooms_slug_key UNIQUE (slug);
CREATE INDEX idx_community_rooms_category ON public.community_rooms (category);
CREATE INDEX idx_community_rooms_public ON public.community_rooms (message_count DESC)
    WHERE is_public = true AND archived_at IS NULL;
CREATE INDEX idx_community_rooms_created_by ON public.community_rooms (created_by);
CREATE INDEX idx_community_rooms_tags ON public.community_rooms USING gin (tags);

ALTER TABLE public.room_members
    ADD CONSTRAINT room_members_pkey PRIMARY KEY (id),
    ADD CONSTRAINT room_members_room_id_user_id_key UNIQUE (room_id, user_id);
CREATE INDEX idx_room_members_room ON public.room_members (room_id);
CREATE INDEX idx_room_members_user ON public.room_members (user_id);
CREATE INDEX idx_room_members_role ON public.room_members (room_id, role) WHERE role <> 'member';
CREATE INDEX idx_room_members_last_read ON public.room_members (user_id, last_read_at);
CREATE INDEX idx_room_members_joined ON public.room_members (joined_at DESC);

ALTER TABLE public.room_messages ADD CONSTRAINT room_messages_pkey PRIMARY KEY (id);
CREATE INDEX idx_room_messages_room_created ON public.room_messages (room_id, created_at DESC);
CREATE INDEX idx_room_messages_user ON public.room_messages (user_id);
CREATE INDEX idx_room_messages_parent ON public.room_messages (parent_message_id);
CREATE INDEX idx_room_messages_live ON public.room_messages (room_id) WHERE deleted_at IS NULL;

ALTER TABLE public.room_message_reactions
    ADD CONSTRAINT room_message_reactions_pkey PRIMARY KEY (id),
    ADD CONSTRAINT room_message_reactions_message_id_user_id_emoji_key
        UNIQUE (message_id, user_id, emoji);
CREATE INDEX idx_room_message_reactions_message ON public.room_message_reactions (message_id);
CREATE INDEX idx_room_message_reactions_user ON public.room_message_reactions (user_id);

ALTER TABLE public.discussion_topics ADD CONSTRAINT discussion_topics_pkey PRIMARY KEY (id);
CREATE INDEX idx_discussion_topics_room ON public.discussion_topics (room_id);
CREATE INDEX idx_discussion_topics_created_by ON public.discussion_topics (created_by);
CREATE INDEX idx_discussion_topics_status ON public.discussion_topics (status);
CREATE INDEX idx_discussion_topics_popular
    ON public.discussion_topics (room_id, upvote_count DESC);
CREATE INDEX idx_discussion_topics_session ON public.discussion_topics (covered_in_session_id);

ALTER TABLE public.topic_comments ADD CONSTRAINT topic_comments_pkey PRIMARY KEY (id);
CREATE INDEX idx_topic_comments_topic ON public.topic_comments (topic_id, created_at);
CREATE INDEX idx_topic_comments_user ON public.topic_comments (user_id);

ALTER TABLE public.topic_votes
    ADD CONSTRAINT topic_votes_pkey PRIMARY KEY (id),
    ADD CONSTRAINT topic_votes_topic_id_user_id_key UNIQUE (topic_id, user_id);
CREATE INDEX idx_topic_votes_topic ON public.topic_votes (topic_id);
CREATE INDEX idx_topic_votes_user ON public.topic_votes (user_id);

RESET ROLE;

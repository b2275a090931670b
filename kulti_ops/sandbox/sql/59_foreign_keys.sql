-- The 53 foreign keys of public with their delete actions.
-- Delete hazards of the platform that are wanted here too: invite_uses.used_by and
-- discussion_topics.created_by are NOT NULL and yet SET NULL.
-- The platform counts 53 references and its table list names 52 of them; the 53rd here,
-- ai_agent_followers.user_id, is the likeliest candidate and not known for certain.
SET ROLE postgres;

ALTER TABLE public.profiles
    ADD CONSTRAINT profiles_id_fkey FOREIGN KEY (id)
        REFERENCES auth.users (id) ON DELETE CASCADE,
    ADD CONSTRAINT profiles_referred_by_fkey FOREIGN KEY (referred_by)
        REFERENCES public.profiles (id) ON DELETE SET NULL;
ALTER TABLE public.sessions
    ADD CONSTRAINT sessions_host_id_fkey FOREIGN KEY (host_id)
        REFERENCES public.profiles (id) ON DELETE RESTRICT,
    ADD CONSTRAINT sessions_ai_module_updated_by_fkey FOREIGN KEY (ai_module_updated_by)
        REFERENCES public.profiles (id) ON DELETE RESTRICT;
ALTER TABLE public.session_participants
    ADD CONSTRAINT session_participants_session_id_fkey FOREIGN KEY (session_id)
        REFERENCES public.sessions (id) ON DELETE CASCADE,
    ADD CONSTRAINT session_participants_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE CASCADE;
ALTER TABLE public.guest_presenters
    ADD CONSTRAINT guest_presenters_session_id_fkey FOREIGN KEY (session_id)
        REFERENCES public.sessions (id) ON DELETE CASCADE;
ALTER TABLE public.recordings
    ADD CONSTRAINT recordings_session_id_fkey FOREIGN KEY (session_id)
        REFERENCES public.sessions (id) ON DELETE CASCADE;
ALTER TABLE public.matchmaking_suggestions
    ADD CONSTRAINT matchmaking_suggestions_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE CASCADE,
    ADD CONSTRAINT matchmaking_suggestions_session_id_fkey FOREIGN KEY (session_id)
        REFERENCES public.sessions (id) ON DELETE CASCADE;
ALTER TABLE public.user_presence
    ADD CONSTRAINT user_presence_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE CASCADE,
    ADD CONSTRAINT user_presence_current_session_id_fkey FOREIGN KEY (current_session_id)
        REFERENCES public.sessions (id) ON DELETE SET NULL;
ALTER TABLE public.notifications
    ADD CONSTRAINT notifications_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE CASCADE;

ALTER TABLE public.credit_transactions
    ADD CONSTRAINT credit_transactions_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE CASCADE,
    ADD CONSTRAINT credit_transactions_source_session_id_fkey FOREIGN KEY (source_session_id)
        REFERENCES public.sessions (id) ON DELETE SET NULL;
ALTER TABLE public.credit_milestones
    ADD CONSTRAINT credit_milestones_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE CASCADE;
ALTER TABLE public.invites
    ADD CONSTRAINT invites_created_by_fkey FOREIGN KEY (created_by)
        REFERENCES public.profiles (id) ON DELETE RESTRICT;
ALTER TABLE public.invite_uses
    ADD CONSTRAINT invite_uses_invite_id_fkey FOREIGN KEY (invite_id)
        REFERENCES public.invites (id) ON DELETE CASCADE,
    ADD CONSTRAINT invite_uses_used_by_fkey FOREIGN KEY (used_by)
        REFERENCES public.profiles (id) ON DELETE SET NULL;

ALTER TABLE public.messages
    ADD CONSTRAINT messages_session_id_fkey FOREIGN KEY (session_id)
        REFERENCES public.sessions (id) ON DELETE CASCADE,
    ADD CONSTRAINT messages_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE CASCADE,
    ADD CONSTRAINT messages_pinned_by_fkey FOREIGN KEY (pinned_by)
        REFERENCES public.profiles (id) ON DELETE SET NULL,
    ADD CONSTRAINT messages_parent_message_id_fkey FOREIGN KEY (parent_message_id)
        REFERENCES public.messages (id) ON DELETE CASCADE;
ALTER TABLE public.message_upvotes
    ADD CONSTRAINT message_upvotes_message_id_fkey FOREIGN KEY (message_id)
        REFERENCES public.messages (id) ON DELETE CASCADE,
    ADD CONSTRAINT message_upvotes_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE CASCADE;
ALTER TABLE public.ai_conversations
    ADD CONSTRAINT ai_conversations_session_id_fkey FOREIGN KEY (session_id)
        REFERENCES public.sessions (id) ON DELETE CASCADE;
ALTER TABLE public.ai_messages
    ADD CONSTRAINT ai_messages_conversation_id_fkey FOREIGN KEY (conversation_id)
        REFERENCES public.ai_conversations (id) ON DELETE CASCADE,
    ADD CONSTRAINT ai_messages_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE SET NULL;

ALTER TABLE public.community_rooms
    ADD CONSTRAINT community_rooms_created_by_fkey FOREIGN KEY (created_by)
        REFERENCES public.profiles (id) ON DELETE SET NULL;
ALTER TABLE public.room_members
    ADD CONSTRAINT room_members_room_id_fkey FOREIGN KEY (room_id)
        REFERENCES public.community_rooms (id) ON DELETE CASCADE,
    ADD CONSTRAINT room_members_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE CASCADE;
ALTER TABLE public.room_messages
    ADD CONSTRAINT room_messages_room_id_fkey FOREIGN KEY (room_id)
        REFERENCES public.community_rooms (id) ON DELETE CASCADE,
    ADD CONSTRAINT room_messages_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE SET NULL,
    ADD CONSTRAINT room_messages_parent_message_id_fkey FOREIGN KEY (parent_message_id)
        REFERENCES public.room_messages (id) ON DELETE CASCADE;
ALTER TABLE public.room_message_reactions
    ADD CONSTRAINT room_message_reactions_message_id_fkey FOREIGN KEY (message_id)
        REFERENCES public.room_messages (id) ON DELETE CASCADE,
    ADD CONSTRAINT room_message_reactions_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE CASCADE;
ALTER TABLE public.discussion_topics
    ADD CONSTRAINT discussion_topics_room_id_fkey FOREIGN KEY (room_id)
        REFERENCES public.community_rooms (id) ON DELETE CASCADE,
    ADD CONSTRAINT discussion_topics_created_by_fkey FOREIGN KEY (created_by)
        REFERENCES public.profiles (id) ON DELETE SET NULL,
    ADD CONSTRAINT discussion_topics_covered_in_session_id_fkey
        FOREIGN KEY (covered_in_session_id)
        REFERENCES public.sessions (id) ON DELETE SET NULL;
ALTER TABLE public.topic_comments
    ADD CONSTRAINT topic_comments_topic_id_fkey FOREIGN KEY (topic_id)
        REFERENCES public.discussion_topics (id) ON DELETE CASCADE,
    ADD CONSTRAINT topic_comments_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE SET NULL,
    ADD CONSTRAINT topic_comments_parent_comment_id_fkey FOREIGN KEY (parent_comment_id)
        REFERENCES public.topic_comments (id) ON DELETE CASCADE;
ALTER TABLE public.topic_votes
    ADD CONSTRAINT topic_votes_topic_id_fkey FOREIGN KEY (topic_id)
        REFERENCES public.discussion_topics (id) ON DELETE CASCADE,
    ADD CONSTRAINT topic_votes_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE CASCADE;

ALTER TABLE public.ai_agent_followers
    ADD CONSTRAINT ai_agent_followers_follower_user_id_fkey FOREIGN KEY (follower_user_id)
        REFERENCES auth.users (id) ON DELETE CASCADE,
    ADD CONSTRAINT ai_agent_followers_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES public.profiles (id) ON DELETE CASCADE;
ALTER TABLE public.ai_agent_x_connections
    ADD CONSTRAINT ai_agent_x_connections_agent_id_fkey FOREIGN KEY (agent_id)
        REFERENCES public.ai_agent_sessions (agent_id) ON DELETE CASCADE;
ALTER TABLE public.ai_chat_messages
    ADD CONSTRAINT ai_chat_messages_thread_id_fkey FOREIGN KEY (thread_id)
        REFERENCES public.ai_chat_messages (id) ON DELETE CASCADE;
ALTER TABLE public.ai_community_messages
    ADD CONSTRAINT ai_community_messages_parent_id_fkey FOREIGN KEY (parent_id)
        REFERENCES public.ai_community_messages (id) ON DELETE RESTRICT;
ALTER TABLE public.ai_notifications
    ADD CONSTRAINT ai_notifications_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES auth.users (id) ON DELETE CASCADE;
ALTER TABLE public.ai_stream_events
    ADD CONSTRAINT ai_stream_events_session_id_fkey FOREIGN KEY (session_id)
        REFERENCES public.ai_agent_sessions (id) ON DELETE CASCADE;
ALTER TABLE public.ai_stream_messages
    ADD CONSTRAINT ai_stream_messages_session_id_fkey FOREIGN KEY (session_id)
        REFERENCES public.ai_agent_sessions (id) ON DELETE CASCADE;
ALTER TABLE public.ai_stream_recordings
    ADD CONSTRAINT ai_stream_recordings_session_id_fkey FOREIGN KEY (session_id)
        REFERENCES public.ai_agent_sessions (id) ON DELETE SET NULL;

RESET ROLE;

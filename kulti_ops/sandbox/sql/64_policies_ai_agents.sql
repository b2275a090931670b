-- RLS and policies of 26_tables_ai_agents.sql and 27_tables_ai_community.sql.
-- ai_agent_memories has RLS and no policy: only roles that bypass RLS can read it.
SET ROLE postgres;

ALTER TABLE public.ai_agent_memories ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ai_agent_followers ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Users can follow agents" ON public.ai_agent_followers
    FOR INSERT WITH CHECK (auth.uid() = follower_user_id);
CREATE POLICY "Guests can follow agents" ON public.ai_agent_followers
    FOR INSERT WITH CHECK (follower_user_id IS NULL AND follower_guest_id IS NOT NULL);
CREATE POLICY "Users can unfollow agents" ON public.ai_agent_followers
    FOR DELETE USING (auth.uid() = follower_user_id);
CREATE POLICY "Guests can unfollow agents" ON public.ai_agent_followers
    FOR DELETE USING (
        follower_guest_id = current_setting('request.headers', true)::json ->> 'x-guest-id');
CREATE POLICY "Followers are visible to everyone" ON public.ai_agent_followers
    FOR SELECT USING (true);
CREATE POLICY "Service role can view followers" ON public.ai_agent_followers
    FOR SELECT TO service_role USING (true);

ALTER TABLE public.ai_agent_sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role manages agent sessions" ON public.ai_agent_sessions
    FOR ALL TO service_role USING (true) WITH CHECK (true);
CREATE POLICY "Agent sessions are visible to everyone" ON public.ai_agent_sessions
    FOR SELECT USING (true);
CREATE POLICY "Signed-in users can view agent sessions" ON public.ai_agent_sessions
    FOR SELECT TO authenticated USING (true);

ALTER TABLE public.ai_agent_verification_attempts ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Anyone can start a verification" ON public.ai_agent_verification_attempts
    FOR INSERT WITH CHECK (status = 'pending');
CREATE POLICY "Verifications are visible" ON public.ai_agent_verification_attempts
    FOR SELECT USING (true);
CREATE POLICY "Service role can settle a verification"
    ON public.ai_agent_verification_attempts
    FOR UPDATE TO service_role USING (true);

ALTER TABLE public.ai_agent_x_activity ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can log activity" ON public.ai_agent_x_activity
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "Activity is visible to everyone" ON public.ai_agent_x_activity
    FOR SELECT USING (true);

ALTER TABLE public.ai_agent_x_connections ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role manages connections" ON public.ai_agent_x_connections
    FOR ALL TO service_role USING (true) WITH CHECK (true);
CREATE POLICY "Admins can view connections" ON public.ai_agent_x_connections
    FOR SELECT USING (public.is_admin());

ALTER TABLE public.ai_notifications ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can notify" ON public.ai_notifications
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "Users can view their AI notifications" ON public.ai_notifications
    FOR SELECT USING (auth.uid() = user_id OR user_id IS NULL);
CREATE POLICY "Users can mark their AI notifications" ON public.ai_notifications
    FOR UPDATE USING (auth.uid() = user_id);

ALTER TABLE public.ai_stream_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role manages stream events" ON public.ai_stream_events
    FOR ALL TO service_role USING (true) WITH CHECK (true);
CREATE POLICY "Stream events are visible to everyone" ON public.ai_stream_events
    FOR SELECT USING (true);

ALTER TABLE public.ai_stream_messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role manages stream messages" ON public.ai_stream_messages
    FOR ALL TO service_role USING (true) WITH CHECK (true);
CREATE POLICY "Viewers can write to a stream" ON public.ai_stream_messages
    FOR INSERT WITH CHECK (sender_type = 'viewer');
CREATE POLICY "Signed-in viewers can write to a stream" ON public.ai_stream_messages
    FOR INSERT TO authenticated WITH CHECK (sender_id = auth.uid()::text);
CREATE POLICY "Stream messages are visible to everyone" ON public.ai_stream_messages
    FOR SELECT USING (true);
CREATE POLICY "Signed-in users can view stream messages" ON public.ai_stream_messages
    FOR SELECT TO authenticated USING (true);

ALTER TABLE public.ai_stream_recordings ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Stream recordings are visible to everyone" ON public.ai_stream_recordings
    FOR SELECT USING (true);

ALTER TABLE public.ai_chat_messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can write AI chat" ON public.ai_chat_messages
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "AI chat is visible to everyone" ON public.ai_chat_messages
    FOR SELECT USING (true);

ALTER TABLE public.ai_community_messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can write community messages" ON public.ai_community_messages
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "Community messages are visible" ON public.ai_community_messages
    FOR SELECT USING (is_hidden = false);

ALTER TABLE public.ai_creative_responses ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can link works" ON public.ai_creative_responses
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "Links are visible to everyone" ON public.ai_creative_responses
    FOR SELECT USING (true);

ALTER TABLE public.ai_editorial ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Published articles are visible" ON public.ai_editorial
    FOR SELECT USING (published_at IS NOT NULL AND published_at <= now());

ALTER TABLE public.ai_showcase ENABLE ROW LEVEL SECURITY;
CREATE POLICY "The showcase is visible to everyone" ON public.ai_showcase
    FOR SELECT USING (true);

RESET ROLE;

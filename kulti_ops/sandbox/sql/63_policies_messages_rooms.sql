-- RLS and policies of 24_tables_messages.sql and 25_tables_rooms.sql.
SET ROLE postgres;

ALTER TABLE public.messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Messages of visible sessions can be read" ON public.messages
    FOR SELECT USING (EXISTS (
        SELECT 1 FROM public.sessions s
         WHERE s.id = session_id AND (s.is_public OR s.host_id = auth.uid())));

ALTER TABLE public.message_upvotes ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Users can upvote" ON public.message_upvotes
    FOR INSERT WITH CHECK (auth.uid() = user_id);
CREATE POLICY "Users can remove their upvote" ON public.message_upvotes
    FOR DELETE USING (auth.uid() = user_id);
CREATE POLICY "Upvotes are visible to everyone" ON public.message_upvotes
    FOR SELECT USING (true);

ALTER TABLE public.ai_conversations ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Hosts manage the AI conversation" ON public.ai_conversations
    FOR ALL USING (public.is_session_host(session_id, auth.uid()));
CREATE POLICY "Participants can view the AI conversation" ON public.ai_conversations
    FOR SELECT USING (public.is_session_participant(session_id, auth.uid()));

ALTER TABLE public.ai_messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role manages AI messages" ON public.ai_messages
    FOR ALL TO service_role USING (true) WITH CHECK (true);
CREATE POLICY "Users can write to the AI" ON public.ai_messages
    FOR INSERT WITH CHECK (auth.uid() = user_id AND role = 'user');
CREATE POLICY "Participants can view AI messages" ON public.ai_messages
    FOR SELECT USING (EXISTS (
        SELECT 1 FROM public.ai_conversations c
         WHERE c.id = conversation_id
           AND (public.is_session_host(c.session_id, auth.uid())
                OR public.is_session_participant(c.session_id, auth.uid()))));

ALTER TABLE public.community_rooms ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Public rooms are visible to everyone" ON public.community_rooms
    FOR SELECT USING (is_public = true OR public.is_room_member(id, auth.uid()));

ALTER TABLE public.room_members ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Users can join rooms" ON public.room_members
    FOR INSERT WITH CHECK (auth.uid() = user_id AND role = 'member');
CREATE POLICY "Users can leave rooms" ON public.room_members
    FOR DELETE USING (auth.uid() = user_id OR public.is_room_moderator(room_id, auth.uid()));
CREATE POLICY "Members are visible to signed-in users" ON public.room_members
    FOR SELECT TO authenticated USING (true);

ALTER TABLE public.room_messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Members can write" ON public.room_messages
    FOR INSERT WITH CHECK (
        auth.uid() = user_id AND public.is_room_member(room_id, auth.uid()));
CREATE POLICY "Messages of public rooms can be read" ON public.room_messages
    FOR SELECT USING (EXISTS (
        SELECT 1 FROM public.community_rooms r
         WHERE r.id = room_id
           AND (r.is_public OR public.is_room_member(r.id, auth.uid()))));
CREATE POLICY "Authors and moderators can edit" ON public.room_messages
    FOR UPDATE USING (
        auth.uid() = user_id OR public.is_room_moderator(room_id, auth.uid()));

ALTER TABLE public.room_message_reactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Users can react" ON public.room_message_reactions
    FOR INSERT WITH CHECK (auth.uid() = user_id);
CREATE POLICY "Users can remove their reaction" ON public.room_message_reactions
    FOR DELETE USING (auth.uid() = user_id);
CREATE POLICY "Reactions are visible to everyone" ON public.room_message_reactions
    FOR SELECT USING (true);

ALTER TABLE public.discussion_topics ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Members can propose topics" ON public.discussion_topics
    FOR INSERT WITH CHECK (
        auth.uid() = created_by AND public.is_room_member(room_id, auth.uid()));
CREATE POLICY "Topics are visible to everyone" ON public.discussion_topics
    FOR SELECT USING (true);
CREATE POLICY "Authors and moderators can update topics" ON public.discussion_topics
    FOR UPDATE USING (
        auth.uid() = created_by OR public.is_room_moderator(room_id, auth.uid()));

ALTER TABLE public.topic_comments ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Signed-in users can comment" ON public.topic_comments
    FOR INSERT WITH CHECK (auth.uid() = user_id);
CREATE POLICY "Comments are visible to everyone" ON public.topic_comments
    FOR SELECT USING (true);
CREATE POLICY "Authors can edit comments" ON public.topic_comments
    FOR UPDATE USING (auth.uid() = user_id);

ALTER TABLE public.topic_votes ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Users can vote" ON public.topic_votes
    FOR INSERT WITH CHECK (auth.uid() = user_id);
CREATE POLICY "Users can withdraw their vote" ON public.topic_votes
    FOR DELETE USING (auth.uid() = user_id);
CREATE POLICY "Votes are visible to everyone" ON public.topic_votes
    FOR SELECT USING (true);

RESET ROLE;

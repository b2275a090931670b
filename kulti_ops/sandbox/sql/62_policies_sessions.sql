-- RLS and policies of 23_tables_sessions.sql. session_participants has neither, as on the
-- platform. recordings has no policy to insert or update: webhooks change nothing.
SET ROLE postgres;

ALTER TABLE public.sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Users can create sessions" ON public.sessions
    FOR INSERT WITH CHECK (auth.uid() = host_id);
CREATE POLICY "Public sessions are visible to everyone" ON public.sessions
    FOR SELECT USING (is_public = true);
CREATE POLICY "Hosts and participants can view their sessions" ON public.sessions
    FOR SELECT USING (
        auth.uid() = host_id OR public.is_session_participant(id, auth.uid()));
CREATE POLICY "Hosts can update their sessions" ON public.sessions
    FOR UPDATE USING (auth.uid() = host_id);

ALTER TABLE public.guest_presenters ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Guest presenters are visible to everyone" ON public.guest_presenters
    FOR SELECT USING (true);

ALTER TABLE public.recordings ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Hosts can delete their recordings" ON public.recordings
    FOR DELETE USING (public.is_session_host(session_id, auth.uid()));
CREATE POLICY "Participants can view recordings" ON public.recordings
    FOR SELECT USING (
        public.is_session_host(session_id, auth.uid())
        OR public.is_session_participant(session_id, auth.uid()));

ALTER TABLE public.matchmaking_suggestions ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Users can view their suggestions" ON public.matchmaking_suggestions
    FOR SELECT USING (auth.uid() = user_id);
CREATE POLICY "Users can answer their suggestions" ON public.matchmaking_suggestions
    FOR UPDATE USING (auth.uid() = user_id);

RESET ROLE;

-- What Realtime follows. The publication belongs to postgres.
SET ROLE postgres;

CREATE PUBLICATION supabase_realtime FOR TABLE
    public.sessions,
    public.ai_agent_sessions,
    public.ai_stream_messages,
    public.ai_stream_events,
    public.ai_community_messages,
    public.ai_art_gallery,
    public.ai_notifications;

RESET ROLE;

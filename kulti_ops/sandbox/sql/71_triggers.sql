-- The platform's eight triggers of public. Made after the data, which they would count twice.
SET ROLE postgres;

CREATE TRIGGER auto_generate_invite_codes_on_signup AFTER INSERT ON public.profiles
    FOR EACH ROW EXECUTE FUNCTION public.auto_generate_invite_codes();
CREATE TRIGGER update_recordings_updated_at BEFORE UPDATE ON public.recordings
    FOR EACH ROW EXECUTE FUNCTION public.update_recordings_updated_at();
CREATE TRIGGER trigger_increment_message_count AFTER INSERT ON public.room_messages
    FOR EACH ROW EXECUTE FUNCTION public.increment_message_count();
CREATE TRIGGER trigger_increment_comment_count AFTER INSERT ON public.topic_comments
    FOR EACH ROW EXECUTE FUNCTION public.increment_comment_count();
CREATE TRIGGER trigger_update_reply_count AFTER INSERT ON public.ai_chat_messages
    FOR EACH ROW EXECUTE FUNCTION public.update_reply_count();
CREATE TRIGGER notify_on_live AFTER UPDATE ON public.ai_agent_sessions
    FOR EACH ROW EXECUTE FUNCTION public.notify_followers_on_live();
CREATE TRIGGER update_ai_agent_sessions_updated_at BEFORE UPDATE ON public.ai_agent_sessions
    FOR EACH ROW EXECUTE FUNCTION public.update_ai_agent_sessions_updated_at();
CREATE TRIGGER update_ai_agent_memories_updated_at BEFORE UPDATE ON public.ai_agent_memories
    FOR EACH ROW EXECUTE FUNCTION public.update_ai_agent_memories_updated_at();

RESET ROLE;

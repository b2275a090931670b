-- What the platform's people put on vendor tables: a trigger on auth.users and policies on
-- storage.objects. A restore has to bring both back although it does not own the tables.

-- `postgres` has the TRIGGER privilege on auth.users without owning it.
SET ROLE postgres;
CREATE TRIGGER on_auth_user_signed_in
    AFTER UPDATE OF last_sign_in_at ON auth.users
    FOR EACH ROW WHEN (NEW.last_sign_in_at IS DISTINCT FROM OLD.last_sign_in_at)
    EXECUTE FUNCTION public.sync_last_active_from_auth();
RESET ROLE;

-- A policy needs the table's owner or a superuser; on the platform the dashboard sees to that.
CREATE POLICY "Avatars are public" ON storage.objects
    FOR SELECT USING (bucket_id = 'avatars');
CREATE POLICY "Users upload into their own folder" ON storage.objects
    FOR INSERT TO authenticated
    WITH CHECK (bucket_id = 'avatars' AND (storage.foldername(name))[1] = auth.uid()::text);
COMMENT ON POLICY "Avatars are public" ON storage.objects IS 'needed by <img> tags, don''t drop';

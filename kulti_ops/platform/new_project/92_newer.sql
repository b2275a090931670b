-- The platform grows: a column, a table and row triggers that older projects do not have yet,
-- and row level security switched on for every new table of schema public. A restore that lets
-- them fire gets rows and flags that are in no backup.

SET ROLE supabase_auth_admin;
ALTER TABLE auth.identities ADD COLUMN last_provider_sync_at timestamptz;
CREATE FUNCTION auth.stamp_new_user() RETURNS trigger LANGUAGE plpgsql AS $$
begin
  new.updated_at = now();
  return new;
end
$$;
CREATE TRIGGER stamp_new_user BEFORE INSERT ON auth.users
    FOR EACH ROW EXECUTE FUNCTION auth.stamp_new_user();
RESET ROLE;

SET ROLE supabase_storage_admin;
CREATE TABLE storage.prefixes (
    bucket_id text NOT NULL REFERENCES storage.buckets,
    name text COLLATE "C" NOT NULL,
    created_at timestamptz DEFAULT now(),
    PRIMARY KEY (bucket_id, name)
);
ALTER TABLE storage.prefixes ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION storage.add_prefix() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO '' AS $$
begin
  insert into storage.prefixes (bucket_id, name)
  values (new.bucket_id, split_part(new.name, '/', 1))
  on conflict do nothing;
  return new;
end
$$;
CREATE TRIGGER objects_add_prefix BEFORE INSERT ON storage.objects
    FOR EACH ROW EXECUTE FUNCTION storage.add_prefix();
RESET ROLE;

CREATE FUNCTION extensions.rls_auto_enable() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
  cmd record;
BEGIN
  FOR cmd IN SELECT * FROM pg_event_trigger_ddl_commands()
  LOOP
    IF cmd.object_type IN ('table', 'partitioned table') AND cmd.schema_name = 'public' THEN
      EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', cmd.object_identity);
    END IF;
  END LOOP;
END;
$$;
CREATE EVENT TRIGGER ensure_rls ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
    EXECUTE FUNCTION extensions.rls_auto_enable();

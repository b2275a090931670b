-- What stands between the vendor's objects and the customer's, run as supabase_admin.

-- The rows of an extension's own table: an archive has them without the table.
CREATE EXTENSION pg_cron;
GRANT ALL ON SCHEMA cron TO postgres WITH GRANT OPTION;
GRANT ALL ON cron.job TO postgres;
INSERT INTO cron.job (schedule, command, username, active, jobname) VALUES
    ('0 3 * * *', 'SELECT 1 -- nothing; \.', 'postgres', false, 'nightly; "idle"'),
    ('*/5 * * * *', E'SELECT\n2', 'postgres', false, NULL);

-- Triggers of the customer's own on vendor tables, in the states that only the table's owner
-- can give them. They touch no row of the sandbox: one is off, one never applies.
SET ROLE postgres;
CREATE TRIGGER edge_state_disabled BEFORE INSERT OR DELETE ON realtime.subscription
    FOR EACH ROW EXECUTE FUNCTION edge_cases.refuse();
CREATE TRIGGER edge_state_always BEFORE UPDATE ON storage.objects
    FOR EACH ROW WHEN (NEW.name = 'never; -- \.') EXECUTE FUNCTION edge_cases.refuse();
RESET ROLE;
ALTER TABLE realtime.subscription DISABLE TRIGGER edge_state_disabled;
ALTER TABLE storage.objects ENABLE ALWAYS TRIGGER edge_state_always;
COMMENT ON TRIGGER edge_state_disabled ON realtime.subscription IS 'off; must stay off';

-- Rights on a vendor table that postgres gave on, to roles of the customer's and of the vendor's.
SET ROLE postgres;
GRANT SELECT ON auth.users TO kulti_analyst;
GRANT SELECT (id, email) ON auth.users TO kulti_reader, service_role;
RESET ROLE;

-- Schema public hardened: a new project lets everybody in, and anon use every new sequence.
-- The tables' rights stay as the platform has them, but for one that has less than it would.
SET ROLE postgres;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM anon;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
REVOKE TRUNCATE, REFERENCES, TRIGGER ON public.app_config FROM anon, authenticated;
RESET ROLE;

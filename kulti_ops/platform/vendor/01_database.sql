-- What belongs to the database itself. Run as supabase_admin in it; running it again changes
-- nothing, and a copy of the database needs it again.
DO $$
BEGIN
  EXECUTE format('ALTER DATABASE %I OWNER TO postgres', current_database());
  EXECUTE format('ALTER DATABASE %I SET "app.settings.jwt_exp" TO %L', current_database(), '3600');
  EXECUTE format('GRANT ALL ON DATABASE %I TO dashboard_user', current_database());
END;
$$;

-- title: Realtime follows the tables it should
-- group: platform
-- when: Pages don't update by themselves; after a restore.
-- param: realtime_tables = public.sessions,public.ai_agent_sessions,public.ai_stream_messages,public.ai_stream_events,public.ai_community_messages,public.ai_art_gallery,public.ai_notifications
-- verdict: count
-- warn: 1
-- crit: 4
-- noun: tables
-- evidence: SELECT cardinality(string_to_array(coalesce(nullif(current_setting('kulti_ops.realtime_tables', true), ''),
--   'public.sessions,public.ai_agent_sessions,public.ai_stream_messages,public.ai_stream_events,public.ai_community_messages,public.ai_art_gallery,public.ai_notifications'), ','))
--   AS examined
-- finding: {table_name} {problem}
-- explanation: Realtime sends changes of the tables in publication supabase_realtime, and of no other.
--   A table that is in it and has no row security is sent to everybody who listens.
-- next: psql "$DATABASE_URL" -c '{remedy}'
WITH wanted AS (
    SELECT w.name
      FROM unnest(string_to_array(coalesce(nullif(current_setting('kulti_ops.realtime_tables', true), ''),
             'public.sessions,public.ai_agent_sessions,public.ai_stream_messages,public.ai_stream_events,public.ai_community_messages,public.ai_art_gallery,public.ai_notifications'), ',')) AS w (name)
), published AS (
    SELECT t.schemaname || '.' || t.tablename AS name, c.relrowsecurity
      FROM pg_publication_tables t
      JOIN pg_namespace n ON n.nspname = t.schemaname
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
     WHERE t.pubname = 'supabase_realtime'
)
SELECT w.name AS table_name, 'is not in the publication supabase_realtime' AS problem,
       'ALTER PUBLICATION supabase_realtime ADD TABLE ' || w.name AS remedy
  FROM wanted w WHERE NOT EXISTS (SELECT 1 FROM published p WHERE p.name = w.name)
UNION ALL
SELECT p.name, 'is sent to everybody: it has no row security',
       'ALTER TABLE ' || p.name || ' ENABLE ROW LEVEL SECURITY'
  FROM published p WHERE NOT p.relrowsecurity
 ORDER BY table_name

-- What the vendor's services write when a project is created. The migration tables are ahead
-- of those of an older project: a restore must leave them as they are.

INSERT INTO auth.schema_migrations (version)
SELECT unnest(ARRAY['20171026211738', '20180103212743', '20221208132122', '20240427152123',
                    '20250804100000', '20260302000000']);
INSERT INTO storage.migrations (id, name, hash, executed_at)
SELECT n, 'migration-' || n, substr(md5('sm' || n), 1, 40), TIMESTAMP '2026-11-01'
  FROM generate_series(0, 27) AS n;
INSERT INTO realtime.schema_migrations (version, inserted_at)
SELECT 20211116024918 + n, TIMESTAMP '2026-11-01' FROM generate_series(0, 22) AS n;

-- Nothing is published yet.
SET ROLE postgres;
CREATE PUBLICATION supabase_realtime;
RESET ROLE;

-- Only what the edge cases call: digest(…, 'sha256').
CREATE FUNCTION digest(text, text) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$SELECT CASE $2 WHEN 'sha256' THEN pg_catalog.sha256(pg_catalog.convert_to($1, 'UTF8')) END$$;

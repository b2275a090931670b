-- The generator leaves nothing of itself behind.
SET client_min_messages TO warning;
DROP SCHEMA kulti_seed CASCADE;
RESET client_min_messages;

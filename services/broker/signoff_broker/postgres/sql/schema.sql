-- name: lock_migrations
-- Held by one migrating session at a time, until it disconnects. The number is ours alone.
SELECT pg_advisory_lock(7308329040271);

-- name: ensure_migrations_table
CREATE TABLE IF NOT EXISTS schema_migrations (
    number int PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL
);

-- name: migrations_table_exists
SELECT to_regclass('schema_migrations') IS NOT NULL;

-- name: applied_migrations
SELECT number, name, checksum FROM schema_migrations ORDER BY number;

-- name: record_migration
-- $1 number int, $2 name text, $3 checksum text
INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3);

-- name: log_identity
SELECT identity FROM log_identity;

-- name: store_log_identity
-- $1 identity text
INSERT INTO log_identity (identity) VALUES ($1) ON CONFLICT (single) DO NOTHING;

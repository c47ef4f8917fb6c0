-- name: begin
BEGIN;

-- name: commit
COMMIT;

-- name: rollback
ROLLBACK;

-- name: holds_fence
-- $1 partition_id int, $2 owner uuid, $3 epoch bigint
SELECT EXISTS (SELECT 1 FROM partitions WHERE id = $1 AND owner = $2 AND epoch = $3);

-- name: partition_count
SELECT count(*)::int FROM partitions;

-- name: lock_partitions
-- Concurrent starts add partitions one after the other; fences (FOR SHARE) are not in the way.
LOCK TABLE leases IN SHARE UPDATE EXCLUSIVE MODE;

-- name: add_partitions
-- $1 first int, $2 last int, $3 added_at bigint
WITH added AS (
    INSERT INTO partitions (id, added_at)
    SELECT id, $3::bigint FROM generate_series($1::int, $2::int) AS id
    RETURNING id
), leased AS (
    INSERT INTO leases (partition_id) SELECT id FROM added
)
INSERT INTO relay_cursors (partition_id, position) SELECT id, 0 FROM added;

-- name: state_version
-- $1 partition_id int
SELECT state_version FROM partitions WHERE id = $1;

-- name: end_sessions
-- $1 application_name pattern text: the sessions of whoever had the partition before us.
SELECT count(pg_terminate_backend(pid))
FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE $1 AND pid <> pg_backend_pid();

-- name: raise_epoch
-- $1 partition_id int, $2 owner uuid, $3 state_version int
-- Waits for a commit of the old owner that holds its fence.
UPDATE partitions SET owner = $2, epoch = epoch + 1, state_version = $3
WHERE
    id = $1
    AND state_version <= $3
    AND EXISTS (SELECT 1 FROM leases WHERE partition_id = $1 AND owner = $2)
RETURNING epoch;

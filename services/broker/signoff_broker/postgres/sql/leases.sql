-- The only file that asks the database clock.

-- name: join_cluster
-- $1 id uuid, $2 host text, $3 pid int, $4 version text, $5 lease interval, $6 trust interval
-- Joins or prolongs; a broker that was paused past its lease comes back as it was.
INSERT INTO brokers (id, host, pid, version, started_at, expires_at, trusted_until)
VALUES (
    $1, $2, $3, $4,
    clock_timestamp(), clock_timestamp() + $5::interval, clock_timestamp() + $6::interval
)
ON CONFLICT (id) DO UPDATE
SET expires_at = excluded.expires_at, trusted_until = excluded.trusted_until;

-- name: forget_brokers
-- $1 after interval: those that nobody has heard of for so long.
DELETE FROM brokers WHERE expires_at < clock_timestamp() - $1::interval;

-- name: leave_cluster
-- $1 id uuid
DELETE FROM brokers WHERE id = $1;

-- name: live_brokers
SELECT count(*)::int FROM brokers WHERE broker_lives(id, trusted_until, expires_at);

-- name: prolong_leases
-- $1 owner uuid, $2 lease interval, $3 trust interval
UPDATE leases
SET
    expires_at = clock_timestamp() + $2::interval,
    trusted_until = clock_timestamp() + $3::interval
WHERE owner = $1;

-- name: view_leases
SELECT
    l.partition_id,
    l.owner,
    p.epoch,
    l.owner IS NOT NULL AND broker_lives(l.owner, l.trusted_until, l.expires_at) AS alive
FROM leases AS l
JOIN partitions AS p ON p.id = l.partition_id
ORDER BY l.partition_id;

-- name: claim_lease
-- $1 partition_id int, $2 owner uuid, $3 lease interval, $4 trust interval
-- Says whether somebody had it and did not give it back.
WITH before AS (
    SELECT partition_id, owner
    FROM leases
    WHERE
        partition_id = $1
        AND (
            owner IS NULL OR owner = $2 OR NOT broker_lives(owner, trusted_until, expires_at)
        )
    FOR UPDATE
)
UPDATE leases AS l
SET
    owner = $2,
    expires_at = clock_timestamp() + $3::interval,
    trusted_until = clock_timestamp() + $4::interval
FROM before
WHERE l.partition_id = before.partition_id
RETURNING before.owner IS NOT NULL AS unclean;

-- name: release_lease
-- $1 partition_id int, $2 owner uuid
UPDATE leases SET owner = NULL, expires_at = NULL WHERE partition_id = $1 AND owner = $2;

-- name: release_leases
-- $1 owner uuid
UPDATE leases SET owner = NULL, expires_at = NULL WHERE owner = $1;

-- A lease is trusted for a few heartbeats. After that it holds only while its broker's heartbeat
-- session is there: whoever died by force has lost it at once, whoever is frozen has it still and
-- runs out later. After a restart of the server nobody has one, so its absence says nothing.

ALTER TABLE leases ADD COLUMN trusted_until timestamptz;
ALTER TABLE brokers ADD COLUMN trusted_until timestamptz;

CREATE FUNCTION broker_lives(
    broker uuid, trusted_until timestamptz, expires_at timestamptz
) RETURNS boolean LANGUAGE sql VOLATILE AS $$
SELECT coalesce(
    expires_at > clock_timestamp() AND (
        trusted_until > clock_timestamp()
        OR pg_postmaster_start_time() > trusted_until
        OR EXISTS (
            SELECT FROM pg_stat_activity
            WHERE datname = current_database()
                AND application_name = 'signoff:' || broker || ':heartbeat'
        )
    ),
    false
)
$$;

CREATE OR REPLACE VIEW read_cluster AS
SELECT
    partitions.id AS partition_id,
    partitions.epoch,
    partitions.added_at,
    CASE
        WHEN leases.owner = partitions.owner
            AND BROKER_LIVES(leases.owner, leases.trusted_until, leases.expires_at)
            THEN partitions.owner::text
    END AS owner,
    brokers.id::text AS broker_id,
    brokers.host,
    brokers.version,
    brokers.started_at,
    BROKER_LIVES(brokers.id, brokers.trusted_until, brokers.expires_at) AS broker_alive
FROM partitions
LEFT JOIN leases ON leases.partition_id = partitions.id
FULL JOIN brokers ON brokers.id = partitions.owner;

-- name: owned_by_key
SELECT {columns} FROM {view} WHERE key = $1::bigint

-- name: form_by_key
SELECT key, form_id, version, tenant, content FROM read_forms WHERE key = $1::bigint

-- name: resource_by_key
SELECT key, name, version, tenant, content FROM read_resources WHERE key = $1::bigint

-- name: listener_by_id
SELECT {columns} FROM read_global_listeners WHERE id = $1::text

-- name: command
SELECT outcome, principal, quarantined FROM read_commands WHERE command_id = $1::text

-- name: cluster
SELECT partition_id, epoch, added_at, owner, broker_id, host, version, broker_alive
FROM read_cluster
ORDER BY started_at, broker_id, partition_id

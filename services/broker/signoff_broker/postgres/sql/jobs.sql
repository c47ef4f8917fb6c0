-- name: due_jobs
-- $1 partition_id int, $2 now bigint, $3 limit int
SELECT key, process_instance_key, state = 'ACTIVATED' AS activated
FROM jobs
WHERE partition_id = $1 AND state IN ('ACTIVATED', 'BACKING_OFF') AND due_at <= $2
ORDER BY due_at
LIMIT $3;

-- name: next_due
-- $1 partition_id int
SELECT due_at
FROM jobs
WHERE partition_id = $1 AND state IN ('ACTIVATED', 'BACKING_OFF')
ORDER BY due_at
LIMIT 1;

-- name: waiting_jobs
-- $1 partition_id int, $2 job_type text, $3 limit int
SELECT key, process_instance_key, job_type, priority, created_at, tenant
FROM jobs
WHERE partition_id = $1 AND job_type = $2 AND state = 'ACTIVATABLE'
ORDER BY priority DESC, key
LIMIT $3;

-- name: waiting_types
-- $1 partition_id int
SELECT job_type, count(*)::int, min(created_at)
FROM jobs
WHERE partition_id = $1 AND state = 'ACTIVATABLE'
GROUP BY job_type;

-- name: held_jobs
-- $1 partition_id int
SELECT key, process_instance_key, subscriber
FROM jobs
WHERE partition_id = $1 AND state = 'ACTIVATED'
ORDER BY key;

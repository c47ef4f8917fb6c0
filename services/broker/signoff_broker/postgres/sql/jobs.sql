-- name: due
-- $1 partition_id int, $2 now bigint, $3 limit int (of each kind)
-- In one round trip. What a trigger has called for is always due.
(
    SELECT
        'job', key, process_instance_key, state = 'ACTIVATED', NULL::text, NULL::int, NULL::json,
        NULL::text, NULL::text, NULL::text, NULL::int
    FROM jobs
    WHERE partition_id = $1 AND state IN ('ACTIVATED', 'BACKING_OFF') AND due_at <= $2
    ORDER BY due_at
    LIMIT $3
)
UNION ALL
(
    SELECT 'task', key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM user_tasks
    WHERE partition_id = $1 AND assignment_due_at IS NOT NULL AND assignment_due_at <= $2
    ORDER BY assignment_due_at
    LIMIT $3
)
UNION ALL
(
    SELECT 'process', key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM process_instances
    WHERE partition_id = $1 AND late_at IS NOT NULL AND late_at <= $2
    ORDER BY late_at
    LIMIT $3
)
UNION ALL
(
    SELECT
        'start', key, NULL, NULL, process_id, version, variables, tenant, business_id, started_by,
        descendants
    FROM starts
    WHERE partition_id = $1
    ORDER BY key
    LIMIT $3
);

-- name: next_due
-- $1 partition_id int
SELECT least(
    (
        SELECT due_at
        FROM jobs
        WHERE partition_id = $1 AND state IN ('ACTIVATED', 'BACKING_OFF')
        ORDER BY due_at
        LIMIT 1
    ),
    (
        SELECT assignment_due_at
        FROM user_tasks
        WHERE partition_id = $1 AND assignment_due_at IS NOT NULL
        ORDER BY assignment_due_at
        LIMIT 1
    ),
    (
        SELECT late_at
        FROM process_instances
        WHERE partition_id = $1 AND late_at IS NOT NULL
        ORDER BY late_at
        LIMIT 1
    ),
    (SELECT 0 FROM starts WHERE partition_id = $1 ORDER BY key LIMIT 1)
);

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

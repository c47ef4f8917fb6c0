-- name: load_instances
-- $1 keys bigint[]: of instances, element instances, tasks, jobs, incidents.
-- Columns in the order in which rows.py takes them apart.
WITH found AS (
    SELECT key FROM process_instances WHERE key = ANY ($1::bigint[])
    UNION
    SELECT key
    FROM process_instances
    WHERE element_instance_key = ANY ($1::bigint[]) AND open AND element_instance_key <> 0
    UNION
    SELECT process_instance_key
    FROM user_tasks WHERE key = ANY ($1::bigint[]) AND open
    UNION
    SELECT process_instance_key
    FROM jobs WHERE key = ANY ($1::bigint[]) AND open
    UNION
    SELECT process_instance_key
    FROM incidents WHERE key = ANY ($1::bigint[]) AND open
)
SELECT
    p.key, p.definition_key, p.process_id, p.process_version, p.process_name, p.tenant, p.tags,
    p.business_id, p.started_at, p.standalone, p.state, p.ended_at, p.node_id,
    p.element_instance_key, p.started_by, p.due_at, p.entered_at, p.retries, p.ending, p.reason,
    p.output, p.descendants,
    t.key, t.element_instance_key, t.profile, t.tenant, t.tags, t.business_id, t.created_at,
    t.state, t.assignee, t.candidate_groups, t.candidate_users, t.due_date, t.follow_up_date,
    t.priority, t.transition, t.completed_at, t.action, t.work, t.policy, t.logged, t.updated_at,
    t.updated_by, t.timed_out,
    j.key, j.tenant, j.job_type, j.kind, j.listener_event, j.element_id, j.element_instance_key,
    j.headers, j.task, j.created_at, j.state, j.mark, j.retries, j.priority, j.updated_at,
    j.due_at, j.worker, j.subscriber, j.lease_token, j.error_code, j.error_message, j.denied,
    j.denied_reason, j.ended_at, j.failures,
    i.key, i.tenant, i.error_type, i.message, i.element_id, i.element_instance_key, i.job_key,
    i.task_key, i.created_at, i.state, i.resolved_at,
    v.keys, v.scope_keys, v.names, v.vals, v.tenants
FROM found
JOIN process_instances AS p ON p.key = found.key AND p.open
LEFT JOIN user_tasks AS t ON t.process_instance_key = found.key AND t.open
LEFT JOIN jobs AS j ON j.process_instance_key = found.key AND j.open
LEFT JOIN incidents AS i ON i.process_instance_key = found.key AND i.open
LEFT JOIN LATERAL (
    SELECT
        array_agg(key) AS keys, array_agg(scope_key) AS scope_keys, array_agg(name) AS names,
        array_agg(value) AS vals, array_agg(tenant) AS tenants
    FROM variables
    WHERE process_instance_key = found.key
) AS v ON true;

-- name: prune_instances
-- $1 partition_id int, $2 ended before bigint, $3 limit int
-- An ended instance goes with all that was in it.
WITH ended AS (
    SELECT key FROM process_instances
    WHERE partition_id = $1 AND NOT open AND ended_at < $2
    ORDER BY ended_at
    LIMIT $3
), tasks AS (
    DELETE FROM user_tasks WHERE process_instance_key = ANY (ARRAY(SELECT key FROM ended))
    RETURNING key
), logs AS (
    DELETE FROM task_log WHERE task_key = ANY (ARRAY(SELECT key FROM tasks))
), listed AS (
    DELETE FROM worklist WHERE key = ANY (ARRAY(SELECT key FROM tasks))
), texts AS (
    DELETE FROM worklist_texts WHERE key = ANY (ARRAY(SELECT key FROM tasks))
), elements AS (
    DELETE FROM elements WHERE process_instance_key = ANY (ARRAY(SELECT key FROM ended))
), jobs AS (
    DELETE FROM jobs WHERE process_instance_key = ANY (ARRAY(SELECT key FROM ended))
), incidents AS (
    DELETE FROM incidents WHERE process_instance_key = ANY (ARRAY(SELECT key FROM ended))
), variables AS (
    DELETE FROM variables WHERE process_instance_key = ANY (ARRAY(SELECT key FROM ended))
)
DELETE FROM process_instances WHERE key = ANY (ARRAY(SELECT key FROM ended));

-- New entities are inserted whole ($1 partition_id int, then an array a column); of known ones only
-- what can change is written (an array a column, the key first). Lists travel as array literals,
-- because a two-dimensional array cannot hold lists of different lengths. A column in which everything
-- is NULL comes as an empty array, and of texts that are mostly empty the empty ones come as NULL.

-- name: insert_processes
INSERT INTO process_instances (
    partition_id, key, definition_key, process_id, process_version, process_name, tenant, tags,
    business_id, started_at, standalone, state, open, ended_at, node_id, element_instance_key,
    due_at, late_at, entered_at, retries, ending, reason, output, descendants, started_by
)
SELECT
    $1, key, definition_key, process_id, process_version, process_name, tenant, tags::text[],
    business_id, started_at, standalone, state, open, ended_at, node_id, element_instance_key,
    due_at, late_at, entered_at, retries, ending, coalesce(reason, ''), output, descendants,
    started_by
FROM unnest(
    $2::bigint[], $3::text[], $4::boolean[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[],
    $9::bigint[], $10::bigint[], $11::int[], $12::text[], $13::text[], $14::json[], $15::int[],
    $16::bigint[], $17::text[], $18::int[], $19::text[], $20::text[], $21::text[], $22::text[],
    $23::bigint[], $24::json[], $25::text[]
) AS u (
    key, state, open, ended_at, node_id, element_instance_key, due_at, late_at, entered_at,
    retries, ending, reason, output, descendants, definition_key, process_id, process_version,
    process_name, tenant, tags, business_id, started_at, standalone, started_by
);

-- name: update_processes
UPDATE process_instances AS p
SET
    state = u.state, open = u.open, ended_at = u.ended_at, node_id = u.node_id,
    element_instance_key = u.element_instance_key, due_at = u.due_at, late_at = u.late_at,
    entered_at = u.entered_at, retries = u.retries, ending = u.ending,
    reason = coalesce(u.reason, ''), output = u.output, descendants = u.descendants
FROM unnest(
    $1::bigint[], $2::text[], $3::boolean[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::int[], $11::text[], $12::text[], $13::json[], $14::int[]
) AS u (
    key, state, open, ended_at, node_id, element_instance_key, due_at, late_at, entered_at,
    retries, ending, reason, output, descendants
)
WHERE p.key = u.key;

-- name: insert_tasks
INSERT INTO user_tasks (
    partition_id, key, state, open, assignee, candidate_groups, candidate_users, due_date, due_at,
    follow_up_date, follow_up_at, priority, transition, claimant, completed_at, action, work,
    policy, logged, updated_at, updated_by, timed_out, assignment_due_at, element_instance_key,
    process_instance_key, definition_key, process_id, process_version, process_name, element_id,
    name, profile, tenant, tags, business_id, created_at
)
SELECT
    $1, key, state, open, coalesce(assignee, ''), candidate_groups::text[],
    candidate_users::text[], coalesce(due_date, ''), due_at, coalesce(follow_up_date, ''),
    follow_up_at, priority, transition, coalesce(claimant, ''), completed_at,
    coalesce(action, ''), work, policy, coalesce(logged, 0), updated_at, coalesce(updated_by, ''),
    coalesce(timed_out, false), assignment_due_at, element_instance_key, process_instance_key,
    definition_key, process_id, process_version, process_name, element_id, name, profile, tenant,
    tags::text[], business_id, created_at
FROM unnest(
    $2::bigint[], $3::text[], $4::boolean[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::bigint[], $10::text[], $11::bigint[], $12::int[], $13::json[], $14::text[], $15::bigint[],
    $16::text[], $17::json[], $18::json[], $19::int[], $20::bigint[], $21::text[], $22::boolean[],
    $23::bigint[], $24::bigint[], $25::bigint[], $26::bigint[], $27::text[], $28::int[],
    $29::text[], $30::text[], $31::text[], $32::jsonb[], $33::text[], $34::text[], $35::text[],
    $36::bigint[]
) AS u (
    key, state, open, assignee, candidate_groups, candidate_users, due_date, due_at,
    follow_up_date, follow_up_at, priority, transition, claimant, completed_at, action, work,
    policy, logged, updated_at, updated_by, timed_out, assignment_due_at, element_instance_key,
    process_instance_key, definition_key, process_id, process_version, process_name, element_id,
    name, profile, tenant, tags, business_id, created_at
);

-- name: insert_jobs
INSERT INTO jobs (
    partition_id, key, state, open, mark, retries, updated_at, due_at, worker, subscriber,
    lease_token, error_code, error_message, denied, denied_reason, ended_at, priority, failures,
    process_instance_key, definition_key, process_id, process_version, process_name, tenant,
    job_type, kind, listener_event, element_id, element_instance_key, headers, task, created_at
)
SELECT
    $1, key, state, open, mark, retries, updated_at, due_at, coalesce(worker, ''),
    coalesce(subscriber, ''), coalesce(lease_token, ''), coalesce(error_code, ''),
    coalesce(error_message, ''), denied, coalesce(denied_reason, ''), ended_at, priority, failures,
    process_instance_key, definition_key, process_id, process_version, process_name, tenant,
    job_type, kind, listener_event, element_id, element_instance_key, headers, task, created_at
FROM unnest(
    $2::bigint[], $3::text[], $4::boolean[], $5::text[], $6::int[], $7::bigint[], $8::bigint[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::boolean[], $15::text[],
    $16::bigint[], $17::int[], $18::int[], $19::bigint[], $20::bigint[], $21::text[], $22::int[],
    $23::text[], $24::text[], $25::text[], $26::text[], $27::text[], $28::text[], $29::bigint[],
    $30::json[], $31::json[], $32::bigint[]
) AS u (
    key, state, open, mark, retries, updated_at, due_at, worker, subscriber, lease_token,
    error_code, error_message, denied, denied_reason, ended_at, priority, failures,
    process_instance_key, definition_key, process_id, process_version, process_name, tenant,
    job_type, kind, listener_event, element_id, element_instance_key, headers, task, created_at
);

-- name: update_jobs
UPDATE jobs AS j
SET
    state = u.state, open = u.open, mark = u.mark, retries = u.retries, updated_at = u.updated_at,
    due_at = u.due_at, worker = coalesce(u.worker, ''), subscriber = coalesce(u.subscriber, ''),
    lease_token = coalesce(u.lease_token, ''), error_code = coalesce(u.error_code, ''),
    error_message = coalesce(u.error_message, ''), denied = u.denied,
    denied_reason = coalesce(u.denied_reason, ''), ended_at = u.ended_at, priority = u.priority,
    failures = u.failures
FROM unnest(
    $1::bigint[], $2::text[], $3::boolean[], $4::text[], $5::int[], $6::bigint[], $7::bigint[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::boolean[], $14::text[],
    $15::bigint[], $16::int[], $17::int[]
) AS u (
    key, state, open, mark, retries, updated_at, due_at, worker, subscriber, lease_token,
    error_code, error_message, denied, denied_reason, ended_at, priority, failures
)
WHERE j.key = u.key;

-- name: insert_incidents
INSERT INTO incidents (
    partition_id, key, state, open, resolved_at, process_instance_key, definition_key, process_id,
    process_version, process_name, tenant, error_type, message, element_id, element_instance_key,
    job_key, task_key, created_at
)
SELECT $1, u.*
FROM unnest(
    $2::bigint[], $3::text[], $4::boolean[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[],
    $9::int[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[],
    $16::bigint[], $17::bigint[], $18::bigint[]
) AS u;

-- name: update_incidents
UPDATE incidents AS i
SET state = u.state, open = u.open, resolved_at = u.resolved_at
FROM unnest($1::bigint[], $2::text[], $3::boolean[], $4::bigint[])
    AS u (key, state, open, resolved_at)
WHERE i.key = u.key;

-- name: insert_variables
INSERT INTO variables (partition_id, key, value, process_instance_key, scope_key, name, tenant)
SELECT $1, u.*
FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[]) AS u;

-- name: update_variables
UPDATE variables AS v
SET value = u.value
FROM unnest($1::bigint[], $2::text[]) AS u (key, value)
WHERE v.key = u.key;

-- name: put_elements
-- $1 partition_id int, then an array a column. What a visit ends with is known later than the visit.
INSERT INTO elements (
    partition_id, key, process_instance_key, node_id, entered_at, input, output, left_at, ending
)
SELECT $1, u.*
FROM unnest(
    $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::json[], $7::json[], $8::bigint[],
    $9::text[]
) AS u
ON CONFLICT (key) DO UPDATE SET
    output = excluded.output, left_at = excluded.left_at, ending = excluded.ending;

-- name: insert_log
-- $1 partition_id int, then an array a column.
INSERT INTO task_log (partition_id, task_key, number, entry)
SELECT $1, u.*
FROM unnest($2::bigint[], $3::int[], $4::json[]) AS u;

-- name: insert_starts
-- $1 partition_id int, then an array a column.
INSERT INTO starts (
    partition_id, key, process_id, version, variables, tenant, business_id, started_by, descendants
)
SELECT $1, u.*
FROM unnest(
    $2::bigint[], $3::text[], $4::int[], $5::json[], $6::text[], $7::text[], $8::text[], $9::int[]
) AS u;

-- name: delete_starts
-- $1 partition_id int, $2 keys bigint[]
DELETE FROM starts WHERE partition_id = $1 AND key = ANY ($2::bigint[]);

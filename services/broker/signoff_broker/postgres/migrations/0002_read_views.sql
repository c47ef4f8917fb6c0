-- What gateways read, and all that they read: these views are the contract, tables may change.
-- Texts that mean "none" when empty are null here. Instants are epoch milliseconds.

CREATE VIEW read_user_tasks AS
SELECT
    key,
    state,
    open,
    NULLIF(name, '') AS name,
    element_id,
    element_instance_key,
    NULLIF(assignee, '') AS assignee,
    NULLIF(claimant, '') AS claimant,
    candidate_groups,
    candidate_users,
    priority,
    definition_key,
    process_id,
    process_version,
    NULLIF(process_name, '') AS process_name,
    process_instance_key,
    tenant,
    created_at,
    completed_at,
    due_at,
    follow_up_at,
    (profile #>> '{form,key}')::bigint AS form_key,
    NULLIF(profile #>> '{form,external}', '') AS form_external,
    profile -> 'headers' AS headers,
    tags,
    NULLIF(business_id, '') AS business_id
FROM user_tasks;

-- `mark` is the last thing that happened to the job; worker and deadline are those of its activation.
CREATE VIEW read_jobs AS
SELECT
    key,
    job_type,
    kind,
    COALESCE(listener_event, '') AS listener_event,
    mark,
    retries,
    worker,
    CASE WHEN state = 'ACTIVATED' THEN due_at END AS deadline,
    CASE WHEN kind = 'TASK_LISTENER' AND mark = 'COMPLETED' THEN denied END AS denied,
    NULLIF(denied_reason, '') AS denied_reason,
    NULLIF(error_code, '') AS error_code,
    NULLIF(error_message, '') AS error_message,
    mark = 'FAILED' AND retries > 0 AS failed_with_retries_left,
    headers,
    task AS snapshot,
    element_id,
    element_instance_key,
    definition_key,
    process_id,
    process_instance_key,
    tenant,
    created_at,
    ended_at,
    updated_at,
    priority
FROM jobs;

CREATE VIEW read_incidents AS
SELECT
    key,
    error_type,
    message,
    state,
    created_at,
    element_id,
    element_instance_key,
    job_key,
    task_key,
    definition_key,
    process_id,
    process_instance_key,
    tenant
FROM incidents;

-- `value` is compact JSON; of a long one, `preview` is the beginning that lists show.
CREATE VIEW read_variables AS
SELECT
    key,
    name,
    value,
    LEFT(value, 8191) AS preview,
    LENGTH(value) > 8191 AS is_long,
    scope_key,
    process_instance_key,
    tenant
FROM variables;

CREATE VIEW read_process_instances AS
SELECT
    instances.key,
    instances.state,
    instances.definition_key,
    instances.process_id,
    instances.process_version,
    NULLIF(instances.process_name, '') AS process_name,
    instances.tenant,
    instances.tags,
    NULLIF(instances.business_id, '') AS business_id,
    instances.started_at,
    instances.ended_at,
    NULLIF(instances.node_id, '') AS element_id,
    EXISTS (
        SELECT
        FROM incidents
        WHERE incidents.process_instance_key = instances.key AND incidents.open
    ) AS has_incident
FROM process_instances AS instances;

CREATE VIEW read_definitions AS
SELECT key, process_id, version, NULLIF(name, '') AS name, tenant, resource_name, content, deployed_at
FROM definitions;

CREATE VIEW read_forms AS
SELECT key, form_id, version, tenant, content
FROM forms;

CREATE VIEW read_global_listeners AS
SELECT id, job_type, events, retries, after_own, priority, configured
FROM global_listeners;

-- One row for the command's own step, and one for the step that decided it if another did.
CREATE VIEW read_commands AS
SELECT command_id, outcome, principal, quarantined, recorded_at
FROM steps
WHERE command_id <> ''
UNION ALL
SELECT answers AS command_id, answered AS outcome, '' AS principal, '' AS quarantined, recorded_at
FROM steps
WHERE answers <> '';

-- Partitions with the broker that has each (`owner`, null while none does), and idle brokers.
CREATE VIEW read_cluster AS
SELECT
    partitions.id AS partition_id,
    partitions.epoch,
    partitions.added_at,
    CASE
        WHEN leases.owner = partitions.owner AND leases.expires_at > CLOCK_TIMESTAMP()
            THEN partitions.owner::text
    END AS owner,
    brokers.id::text AS broker_id,
    brokers.host,
    brokers.version,
    brokers.started_at,
    COALESCE(brokers.expires_at > CLOCK_TIMESTAMP(), false) AS broker_alive
FROM partitions
LEFT JOIN leases ON leases.partition_id = partitions.id
FULL JOIN brokers ON brokers.id = partitions.owner;

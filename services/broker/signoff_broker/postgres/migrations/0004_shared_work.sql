-- Shared work: chains and claims of tasks with their log, processes that keep what each node was given
-- and gave, processes that triggers call for, documents, and the lists in which people look for work.

-- Null in all of these: the assignee says it all. `assignment_due_at` repeats what `work` says, and is
-- null as long as the time of an assignment could not run out.
ALTER TABLE user_tasks
ADD COLUMN work json,
ADD COLUMN policy json,
ADD COLUMN logged int NOT NULL DEFAULT 0,
ADD COLUMN updated_at bigint NOT NULL DEFAULT 0,
ADD COLUMN updated_by text NOT NULL DEFAULT '',
ADD COLUMN timed_out boolean NOT NULL DEFAULT false,
ADD COLUMN assignment_due_at bigint;

-- Assignments whose time is over: with every batch of timers. Tasks without one are not in it.
CREATE INDEX user_tasks_due ON user_tasks (partition_id, assignment_due_at)
WHERE assignment_due_at IS NOT NULL;

-- `late_at` repeats `due_at` as long as the instance can be late.
ALTER TABLE process_instances
ADD COLUMN started_by text NOT NULL DEFAULT '',
ADD COLUMN descendants int NOT NULL DEFAULT 0,
ADD COLUMN due_at bigint,
ADD COLUMN late_at bigint,
ADD COLUMN entered_at bigint,
ADD COLUMN retries int NOT NULL DEFAULT 0,
ADD COLUMN ending text CHECK (ending IN ('COMPLETED', 'FAILED', 'TERMINATED', 'TIMED_OUT')),
ADD COLUMN reason text NOT NULL DEFAULT '',
ADD COLUMN output json;

-- Nodes and instances that are late: with every batch of timers.
CREATE INDEX process_instances_due ON process_instances (partition_id, late_at)
WHERE late_at IS NOT NULL;

-- Whether something still runs by a definition that is deleted: with every change of the settings.
CREATE INDEX process_instances_definition ON process_instances (partition_id, definition_key)
WHERE open AND standalone IS NULL;

-- What a person or an application has started.
CREATE INDEX process_instances_starter ON process_instances (started_by, key DESC)
WHERE started_by <> '';

-- Instances of a process, newest first. Nobody asks for those of tasks that stand alone, which may be
-- most of all: to make one of them costs nothing here.
CREATE INDEX process_instances_process ON process_instances (process_id, key DESC)
WHERE process_id <> 'stand-alone-task';

-- By how they ended, newest first: what runs among all that has ended, what failed among all that went
-- well. One entry more when an instance begins and when it ends.
CREATE INDEX process_instances_ending ON process_instances (
    (
        CASE
            WHEN open THEN ''
            WHEN state = 'COMPLETED' THEN 'COMPLETED'
            ELSE COALESCE(ending, 'TERMINATED')
        END
    ),
    key DESC
);

-- Variables of a scope of which nothing else is told: see read_scopes. Of tasks only those that have
-- ended, so that no change of an open one rewrites it.
CREATE INDEX variables_scope ON variables (scope_key);
CREATE INDEX user_tasks_element ON user_tasks (element_instance_key) WHERE NOT open;

-- How many tries were used up.
ALTER TABLE jobs ADD COLUMN failures int NOT NULL DEFAULT 0;

-- One visit of a token to a node, for graphs that keep them.
CREATE TABLE elements (
    key bigint PRIMARY KEY,
    partition_id int NOT NULL,
    process_instance_key bigint NOT NULL,
    node_id text NOT NULL,
    entered_at bigint NOT NULL,
    input json NOT NULL,
    output json,
    left_at bigint,
    ending text
) WITH (fillfactor = 85);

-- An instance shows its elements, and takes them along when it goes.
CREATE INDEX elements_instance ON elements (process_instance_key);

-- What was done to a task, line by line; only ever added to.
CREATE TABLE task_log (
    task_key bigint NOT NULL,
    number int NOT NULL,
    partition_id int NOT NULL,
    entry json NOT NULL,
    PRIMARY KEY (task_key, number)
);

-- Processes that triggers have called for: started one by one, oldest first, and then gone.
CREATE TABLE starts (
    partition_id int NOT NULL,
    key bigint NOT NULL,
    process_id text NOT NULL,
    version int NOT NULL,
    variables json NOT NULL,
    tenant text NOT NULL,
    business_id text NOT NULL,
    started_by text NOT NULL,
    descendants int NOT NULL,
    PRIMARY KEY (partition_id, key)
);

-- Cluster-wide settings that the engine keeps for others, as JSON.
CREATE TABLE documents (
    kind text NOT NULL,
    id text NOT NULL,
    version int NOT NULL,
    content json NOT NULL,
    rule json,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    updated_at bigint NOT NULL,
    updated_by text NOT NULL,
    PRIMARY KEY (kind, id, version)
);

-- A definition that names its own version replaces one with the same, which goes on to be what the
-- instances run that began with it.
ALTER TABLE definitions
ADD COLUMN deployed_by text NOT NULL DEFAULT '',
ADD COLUMN deleted boolean NOT NULL DEFAULT false,
DROP CONSTRAINT definitions_tenant_process_id_version_key;

CREATE UNIQUE INDEX definitions_version ON definitions (tenant, process_id, version)
WHERE NOT deleted;

-- Deployed files that are only kept.
CREATE TABLE resources (
    key bigint PRIMARY KEY,
    deployment_key bigint NOT NULL,
    name text NOT NULL,
    version int NOT NULL,
    tenant text NOT NULL,
    digest text NOT NULL,
    content text NOT NULL,
    deployed_at bigint NOT NULL,
    UNIQUE (tenant, name, version)
);

-- Where each task stands, of every dialect: what lists of work are made of. Narrow, because claims and
-- releases rewrite it, and every index with it. "Nobody" is an empty text: an index keeps the order
-- within one value, which it does not for NULL. Collated "C", so that an index serves the beginning of
-- a text too.
CREATE TABLE worklist (
    key bigint PRIMARY KEY,
    partition_id int NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (
        state IN ('PENDING', 'ASSIGNED', 'CLAIMED', 'COMPLETED', 'TIMED_OUT', 'DELETED')
    ),
    assignee text COLLATE "C" NOT NULL,
    assignee_group boolean NOT NULL,
    assignee_external boolean NOT NULL,
    claimant text COLLATE "C" NOT NULL,
    claimant_external boolean NOT NULL,
    -- Whom a task that nobody has is open to; of any other task this is empty.
    open_to text COLLATE "C" NOT NULL CHECK (open_to IN ('ALL', 'CANDIDATES', '')),
    candidate_users text[] COLLATE "C" NOT NULL,
    candidate_groups text[] COLLATE "C" NOT NULL,
    updated_at bigint NOT NULL,
    definition_name text COLLATE "C" NOT NULL,
    display_name text COLLATE "C" NOT NULL,
    node_id text COLLATE "C" NOT NULL,
    process_id text COLLATE "C" NOT NULL,
    started_by text COLLATE "C" NOT NULL
) WITH (fillfactor = 85);

-- Every list of work is read in order from one of these, state by state, so that a page costs what is on
-- it, and a count, which stops at ten thousand, no more than that many entries. The tenant is in those
-- whose lists are long: a count need not look at the rows. Nor need that of an inbox by definition, so
-- the definition is in those that an inbox is mostly made of.
-- All there is:
CREATE INDEX worklist_state ON worklist (state, updated_at DESC, key DESC) INCLUDE (tenant);

-- What a person or a group is to do.
CREATE INDEX worklist_assignee
ON worklist (assignee, state, updated_at DESC, key DESC)
INCLUDE (tenant, assignee_group, assignee_external, definition_name)
WHERE assignee <> '';

-- What a person does, and did.
CREATE INDEX worklist_claimant
ON worklist (claimant, state, updated_at DESC, key DESC) INCLUDE (tenant, claimant_external)
WHERE claimant <> '';

-- What nobody has: for everybody, and for some.
CREATE INDEX worklist_open
ON worklist (open_to, state, updated_at DESC, key DESC) INCLUDE (tenant, definition_name)
WHERE open_to <> '';

-- Entries that wait to be put into place would have to be gone through by every search.
CREATE INDEX worklist_candidates
ON worklist USING gin (candidate_users, candidate_groups) WITH (fastupdate = off)
WHERE open_to = 'CANDIDATES';

-- Only in two of the states a task is open to anybody.
CREATE STATISTICS worklist_open_states (mcv) ON open_to, state FROM worklist;

-- Filters by name. Grants are given on the first.
CREATE INDEX worklist_definition
ON worklist (definition_name, state, updated_at DESC, key DESC) INCLUDE (tenant);

-- This gives all display names too, one by one.
CREATE INDEX worklist_display
ON worklist (display_name, state, updated_at DESC, key DESC) INCLUDE (tenant);

CREATE INDEX worklist_node
ON worklist (node_id, state, updated_at DESC, key DESC) INCLUDE (tenant);

CREATE INDEX worklist_process
ON worklist (process_id, state, updated_at DESC, key DESC) INCLUDE (tenant);

-- What a person or an application has started.
CREATE INDEX worklist_starter
ON worklist (started_by, state, updated_at DESC, key DESC) INCLUDE (tenant);

-- What is said about each of these tasks: rewritten only when that changes. `input` and `output` leave
-- out what is too big to be searched for (the whole is in `variables`). The bound keeps `words` within
-- what a tsvector holds.
CREATE TABLE worklist_texts (
    key bigint PRIMARY KEY,
    partition_id int NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    -- Names, and ids in every shape in which they are shown.
    labels text NOT NULL,
    assignee text NOT NULL,
    input jsonb NOT NULL,
    output jsonb NOT NULL,
    words tsvector NOT NULL GENERATED ALWAYS AS (
        to_tsvector('simple', labels || ' ' || assignee)
        || CASE
            WHEN length(input::text) + length(output::text) <= 65536
                THEN
                    jsonb_to_tsvector('simple', input, '["string", "numeric"]')
                    || jsonb_to_tsvector('simple', output, '["string", "numeric"]')
            ELSE ''::tsvector
        END
    ) STORED
) WITH (fillfactor = 85);

-- Searches in form data, and in everything.
CREATE INDEX worklist_texts_input ON worklist_texts USING gin (input jsonb_path_ops);
CREATE INDEX worklist_texts_output ON worklist_texts USING gin (output jsonb_path_ops);
CREATE INDEX worklist_texts_words ON worklist_texts USING gin (words);

-- Added to the contract with gateways (0002).

CREATE VIEW read_worklist AS
SELECT
    key, tenant, state, assignee, assignee_group, assignee_external, claimant, claimant_external,
    open_to, candidate_users, candidate_groups, updated_at, definition_name, display_name, node_id,
    process_id, started_by
FROM worklist;

CREATE VIEW read_worklist_texts AS
SELECT key, tenant, input, output, words
FROM worklist_texts;

-- A task as people who share work see it. Its input is what its own scope holds, its output what is
-- saved under its key. `owners`: who started or deployed the process, or made the rule.
CREATE VIEW read_work_tasks AS
SELECT
    tasks.key,
    tasks.process_instance_key,
    tasks.element_instance_key,
    tasks.definition_key,
    tasks.process_id,
    tasks.process_version,
    tasks.element_id AS node_id,
    listed.definition_name,
    listed.display_name,
    listed.state,
    tasks.work,
    tasks.policy,
    (
        SELECT json_object_agg(name, value::json ORDER BY key)
        FROM variables
        WHERE variables.process_instance_key = tasks.process_instance_key
            AND scope_key = tasks.element_instance_key
    ) AS input,
    (
        SELECT json_object_agg(name, value::json ORDER BY key)
        FROM variables
        WHERE variables.process_instance_key = tasks.process_instance_key AND scope_key = tasks.key
    ) AS output,
    (
        SELECT json_agg(entry ORDER BY number) FROM task_log WHERE task_log.task_key = tasks.key
    ) AS log,
    listed.started_by AS created_by,
    tasks.updated_by,
    tasks.created_at,
    listed.updated_at,
    tasks.completed_at,
    tasks.tenant,
    ARRAY[
        listed.started_by,
        (SELECT deployed_by FROM definitions WHERE definitions.key = tasks.definition_key),
        (
            SELECT created_by
            FROM documents
            WHERE kind = 'task_rule' AND id = listed.definition_name
            ORDER BY version
            LIMIT 1
        )
    ] AS owners,
    tasks.candidate_users,
    tasks.candidate_groups,
    tasks.assignee
FROM user_tasks AS tasks
JOIN worklist AS listed ON listed.key = tasks.key;

-- The same by key, as every claim asks: planned once a session, not each time, which would cost several
-- times what the reading does. A plan that was made when the tables were small must do when they are not.
CREATE FUNCTION read_work_tasks_by_key(keys bigint []) RETURNS SETOF read_work_tasks
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
BEGIN
    RETURN QUERY SELECT * FROM read_work_tasks WHERE read_work_tasks.key = ANY (keys);
END
$$;

CREATE VIEW read_documents AS
SELECT kind, id, version, content, created_at, created_by, updated_at, updated_by
FROM documents;

-- What a task or a job keeps for itself is shown where it stands: in its element instance. Under the name
-- of something that is there already it is a second row: a search that names the scope gives the one
-- that was made later.
CREATE OR REPLACE VIEW read_variables AS
SELECT
    variables.key,
    variables.name,
    variables.value,
    LEFT(variables.value, 8191) AS preview,
    LENGTH(variables.value) > 8191 AS is_long,
    COALESCE(tasks.element_instance_key, jobs.element_instance_key, variables.scope_key) AS scope_key,
    variables.process_instance_key,
    variables.tenant
FROM variables
LEFT JOIN user_tasks AS tasks ON tasks.key = variables.scope_key
LEFT JOIN jobs ON jobs.key = variables.scope_key;

-- The process instances of scopes; those of a task or a job are shown as its element instance.
CREATE VIEW read_scopes AS
SELECT scope_key AS key, process_instance_key
FROM variables
UNION ALL
SELECT element_instance_key AS key, key AS process_instance_key
FROM process_instances
WHERE open AND element_instance_key <> 0
UNION ALL
SELECT element_instance_key AS key, process_instance_key
FROM user_tasks
WHERE NOT open
UNION ALL
SELECT key, process_instance_key
FROM elements;

CREATE VIEW read_resources AS
SELECT key, name, version, tenant, content
FROM resources;

CREATE OR REPLACE VIEW read_definitions AS
SELECT
    key, process_id, version, NULLIF(name, '') AS name, tenant, resource_name, content,
    deployed_at, deployed_by, deleted
FROM definitions;

CREATE OR REPLACE VIEW read_process_instances AS
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
    ) AS has_incident,
    CASE
        WHEN instances.open THEN ''
        WHEN instances.state = 'COMPLETED' THEN 'COMPLETED'
        ELSE COALESCE(instances.ending, 'TERMINATED')
    END AS ending,
    instances.started_by
FROM process_instances AS instances;

-- An instance as a whole; `elements` is an array of arrays, in the order of rows.ElementRow.
CREATE VIEW read_instances AS
SELECT
    instances.key,
    instances.process_id,
    instances.process_version,
    instances.business_id,
    instances.tenant,
    instances.state,
    instances.ending,
    instances.reason,
    instances.started_at,
    instances.ended_at,
    instances.started_by,
    instances.output,
    (
        SELECT json_object_agg(name, value::json ORDER BY key)
        FROM variables
        WHERE variables.process_instance_key = instances.key AND scope_key = instances.key
    ) AS variables,
    COALESCE(definitions.content, '') AS content,
    (
        SELECT
            json_agg(
                json_build_array(
                    elements.key, elements.node_id, elements.entered_at, elements.left_at,
                    elements.input, elements.output, elements.ending, tasks.key, jobs.key,
                    jobs.state, jobs.failures, jobs.error_message, jobs.worker, jobs.updated_at,
                    jobs.due_at
                )
                ORDER BY elements.key
            )
        FROM elements
        LEFT JOIN LATERAL (
            SELECT key
            FROM user_tasks
            WHERE user_tasks.process_instance_key = instances.key
                AND user_tasks.element_instance_key = elements.key
            ORDER BY key DESC
            LIMIT 1
        ) AS tasks ON true
        LEFT JOIN LATERAL (
            SELECT key, state, failures, error_message, worker, updated_at, due_at
            FROM jobs
            WHERE jobs.process_instance_key = instances.key
                AND jobs.element_instance_key = elements.key
                AND jobs.kind = 'SERVICE_TASK'
            ORDER BY key DESC
            LIMIT 1
        ) AS jobs ON true
        WHERE elements.process_instance_key = instances.key
    ) AS elements
FROM process_instances AS instances
LEFT JOIN definitions ON definitions.key = instances.definition_key;

-- State, steps and ownership. All times are epoch milliseconds of the engine's clock, except in the
-- lease tables, which belong to the database clock.
--
-- Three habits explain the tables. A key carries its partition, so that it is a primary key by
-- itself, and whatever the statistics say, a statement that finds rows by key has one index to choose.
-- `open` repeats what `state` says (not yet finished), because a partial index on it leaves an update
-- within the open states free to stay on its page (HOT). JSON that comes back exactly as it was
-- written (order, notation of numbers) is json, not jsonb.

-- Who has a partition. Every commit locks this row FOR SHARE, so nothing else may change it often.
CREATE TABLE partitions (
    id int PRIMARY KEY CHECK (id BETWEEN 1 AND 4095),
    owner uuid,
    epoch bigint NOT NULL DEFAULT 0,
    state_version int NOT NULL DEFAULT 0,
    -- 0 for those that were there from the start: keyed creations use others only after 24 h.
    added_at bigint NOT NULL
);

-- Beside it, so that heartbeats never wait for a fence.
CREATE TABLE leases (
    partition_id int PRIMARY KEY REFERENCES partitions,
    owner uuid,
    expires_at timestamptz
);

CREATE TABLE brokers (
    id uuid PRIMARY KEY,
    host text NOT NULL,
    pid int NOT NULL,
    version text NOT NULL,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

-- One row a command: outbox, outcome, duplicate check, history and consumed offsets (DESIGN 6).
CREATE TABLE steps (
    partition_id int NOT NULL,
    position bigint NOT NULL,
    epoch bigint NOT NULL,
    inlet smallint NOT NULL,
    log_offset bigint NOT NULL,
    recorded_at bigint NOT NULL,
    last_key bigint NOT NULL,
    commands_offset bigint NOT NULL,
    results_offset bigint NOT NULL,
    command_id text NOT NULL,
    request_id text NOT NULL,
    fingerprint text NOT NULL,
    principal text NOT NULL,
    subject_key bigint,
    events bytea,
    messages bytea,
    outcome bytea,
    answers text NOT NULL,
    answered bytea,
    quarantined text NOT NULL,
    raw bytea,
    PRIMARY KEY (partition_id, position)
);

-- What is on record of a command id: every load, and every look at a command.
CREATE INDEX steps_command_id ON steps (command_id) WHERE command_id <> '';
CREATE INDEX steps_answers ON steps (answers) WHERE answers <> '';

-- How far the messages of a partition are known to have left.
CREATE TABLE relay_cursors (
    partition_id int PRIMARY KEY REFERENCES partitions,
    position bigint NOT NULL
);

-- Records that were taken up for stepping and not yet survived: what kills a process three times is
-- quarantined.
CREATE TABLE suspects (
    partition_id int NOT NULL REFERENCES partitions,
    inlet smallint NOT NULL,
    log_offset bigint NOT NULL,
    times int NOT NULL,
    PRIMARY KEY (partition_id, inlet, log_offset)
);

CREATE TABLE process_instances (
    key bigint PRIMARY KEY,
    partition_id int NOT NULL,
    definition_key bigint NOT NULL,
    process_id text NOT NULL,
    process_version int NOT NULL,
    process_name text NOT NULL,
    tenant text NOT NULL,
    tags text[] NOT NULL,
    business_id text NOT NULL,
    started_at bigint NOT NULL,
    standalone json,
    state text NOT NULL CHECK (state IN ('ACTIVE', 'TERMINATING', 'COMPLETED', 'TERMINATED')),
    open boolean NOT NULL,
    ended_at bigint,
    node_id text NOT NULL,
    element_instance_key bigint NOT NULL
) WITH (fillfactor = 85);

-- Loads an instance by the element instance where its token is.
CREATE INDEX process_instances_token ON process_instances (element_instance_key)
WHERE open AND element_instance_key <> 0;

-- Retention looks for the oldest finished instance.
CREATE INDEX process_instances_ended ON process_instances (partition_id, ended_at) WHERE NOT open;

CREATE TABLE user_tasks (
    key bigint PRIMARY KEY,
    partition_id int NOT NULL,
    element_instance_key bigint NOT NULL,
    process_instance_key bigint NOT NULL,
    definition_key bigint NOT NULL,
    process_id text NOT NULL,
    process_version int NOT NULL,
    process_name text NOT NULL,
    element_id text NOT NULL,
    name text NOT NULL,
    -- The TaskProfile as a whole: headers, listeners, form, and again element id and name.
    profile jsonb NOT NULL,
    tenant text NOT NULL,
    tags text[] NOT NULL,
    business_id text NOT NULL,
    created_at bigint NOT NULL,
    state text NOT NULL CHECK (
        state IN (
            'CREATING', 'CREATED', 'ASSIGNING', 'CLAIMING', 'UPDATING', 'COMPLETING', 'CANCELING',
            'COMPLETED', 'CANCELED'
        )
    ),
    open boolean NOT NULL,
    assignee text NOT NULL,
    candidate_groups text[] NOT NULL,
    candidate_users text[] NOT NULL,
    due_date text NOT NULL,
    -- The same instant as a number, for comparing and sorting; null if there is none.
    due_at bigint,
    follow_up_date text NOT NULL,
    follow_up_at bigint,
    priority int NOT NULL,
    transition json,
    claimant text NOT NULL,
    completed_at bigint,
    action text NOT NULL
) WITH (fillfactor = 70);

-- Loads an instance's task, and finds an instance's tasks. Immutable, as is every column here that
-- an index names, except those that a task's end changes: updates stay HOT.
CREATE INDEX user_tasks_instance ON user_tasks (process_instance_key);

-- Lists look at open tasks; finished ones outnumber them by far.
CREATE INDEX user_tasks_open ON user_tasks (key) WHERE open;

CREATE TABLE jobs (
    key bigint PRIMARY KEY,
    partition_id int NOT NULL,
    process_instance_key bigint NOT NULL,
    definition_key bigint NOT NULL,
    process_id text NOT NULL,
    process_version int NOT NULL,
    process_name text NOT NULL,
    tenant text NOT NULL,
    job_type text NOT NULL,
    kind text NOT NULL,
    listener_event text,
    element_id text NOT NULL,
    element_instance_key bigint NOT NULL,
    headers json NOT NULL,
    task json,
    created_at bigint NOT NULL,
    state text NOT NULL CHECK (
        state IN (
            'ACTIVATABLE', 'ACTIVATED', 'BACKING_OFF', 'FAILED', 'ERROR_THROWN', 'COMPLETED',
            'CANCELED'
        )
    ),
    open boolean NOT NULL,
    mark text NOT NULL,
    retries int NOT NULL,
    priority int NOT NULL,
    updated_at bigint NOT NULL,
    due_at bigint,
    worker text NOT NULL,
    subscriber text NOT NULL,
    lease_token text NOT NULL,
    error_code text NOT NULL,
    error_message text NOT NULL,
    denied boolean NOT NULL,
    denied_reason text NOT NULL,
    ended_at bigint
) WITH (fillfactor = 85);

CREATE INDEX jobs_instance ON jobs (process_instance_key);

-- The queue: highest priority, then oldest.
CREATE INDEX jobs_waiting ON jobs (partition_id, job_type, priority DESC, key)
WHERE state = 'ACTIVATABLE';

-- Deadlines and back-offs; activated jobs all have one, so it lists the held ones too.
CREATE INDEX jobs_due ON jobs (partition_id, due_at)
WHERE state IN ('ACTIVATED', 'BACKING_OFF');

CREATE TABLE incidents (
    key bigint PRIMARY KEY,
    partition_id int NOT NULL,
    process_instance_key bigint NOT NULL,
    definition_key bigint NOT NULL,
    process_id text NOT NULL,
    process_version int NOT NULL,
    process_name text NOT NULL,
    tenant text NOT NULL,
    error_type text NOT NULL,
    message text NOT NULL,
    element_id text NOT NULL,
    element_instance_key bigint NOT NULL,
    job_key bigint,
    task_key bigint,
    created_at bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('ACTIVE', 'RESOLVED')),
    open boolean NOT NULL,
    resolved_at bigint
);

CREATE INDEX incidents_instance ON incidents (process_instance_key);

-- The value is compact JSON text: what a search filters on and shows, to the letter.
CREATE TABLE variables (
    key bigint PRIMARY KEY,
    partition_id int NOT NULL,
    process_instance_key bigint NOT NULL,
    scope_key bigint NOT NULL,
    name text NOT NULL,
    value text NOT NULL,
    tenant text NOT NULL
) WITH (fillfactor = 85);

CREATE INDEX variables_instance ON variables (process_instance_key);

-- Cluster-wide settings: written by the settings partition only, read by everyone.
CREATE TABLE settings_version (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    version bigint NOT NULL
);

INSERT INTO settings_version (version) VALUES (0);

CREATE TABLE definitions (
    key bigint PRIMARY KEY,
    deployment_key bigint NOT NULL,
    process_id text NOT NULL,
    version int NOT NULL,
    name text NOT NULL,
    tenant text NOT NULL,
    resource_name text NOT NULL,
    digest text NOT NULL,
    graph json NOT NULL,
    content text NOT NULL,
    deployed_at bigint NOT NULL,
    UNIQUE (tenant, process_id, version)
);

CREATE TABLE forms (
    key bigint PRIMARY KEY,
    deployment_key bigint NOT NULL,
    form_id text NOT NULL,
    version int NOT NULL,
    tenant text NOT NULL,
    resource_name text NOT NULL,
    digest text NOT NULL,
    content text NOT NULL,
    deployed_at bigint NOT NULL,
    UNIQUE (tenant, form_id, version)
);

CREATE TABLE global_listeners (
    id text PRIMARY KEY,
    job_type text NOT NULL,
    events text[] NOT NULL,
    retries int NOT NULL,
    after_own boolean NOT NULL,
    priority int NOT NULL,
    configured boolean NOT NULL
);

-- The log that this database belongs to: a recreated one has other offsets and is refused.
CREATE TABLE log_identity (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    identity text NOT NULL
);

-- name: finish_commit
-- $1 partition_id int, $2 owner uuid, $3 epoch bigint, then an array a column of the tasks to update,
-- then an array a column of the steps to append, then what is assumed: command ids of which nothing
-- is on record, and the settings version (null: any).
-- The end of every commit, and the whole of most: one round trip. The division fails, and with it
-- the transaction, unless every task was there, what was assumed is true, and the fence holds. The
-- fence is a lock FOR SHARE: a takeover waits for us, or we see that it has happened. A column in
-- which everything is NULL comes as an empty array. Further writes join it at the two marks
-- (writes.py).
WITH updated AS (
    UPDATE user_tasks AS t
    SET
        state = u.state, open = u.open, assignee = coalesce(u.assignee, ''),
        candidate_groups = u.candidate_groups::text[],
        candidate_users = u.candidate_users::text[], due_date = coalesce(u.due_date, ''),
        due_at = u.due_at, follow_up_date = coalesce(u.follow_up_date, ''),
        follow_up_at = u.follow_up_at, priority = u.priority, transition = u.transition,
        claimant = coalesce(u.claimant, ''), completed_at = u.completed_at,
        action = coalesce(u.action, ''), work = u.work, policy = u.policy,
        logged = coalesce(u.logged, 0), updated_at = u.updated_at,
        updated_by = coalesce(u.updated_by, ''), timed_out = coalesce(u.timed_out, false),
        assignment_due_at = u.assignment_due_at
    FROM unnest(
        $4::bigint[], $5::text[], $6::boolean[], $7::text[], $8::text[], $9::text[], $10::text[],
        $11::bigint[], $12::text[], $13::bigint[], $14::int[], $15::json[], $16::text[],
        $17::bigint[], $18::text[], $19::json[], $20::json[], $21::int[], $22::bigint[],
        $23::text[], $24::boolean[], $25::bigint[]
    ) AS u (
        key, state, open, assignee, candidate_groups, candidate_users, due_date, due_at,
        follow_up_date, follow_up_at, priority, transition, claimant, completed_at, action, work,
        policy, logged, updated_at, updated_by, timed_out, assignment_due_at
    )
    WHERE t.key = u.key
    RETURNING 1
), appended AS (
    INSERT INTO steps (
        partition_id, epoch, position, inlet, log_offset, recorded_at, last_key, commands_offset,
        results_offset, command_id, request_id, fingerprint, principal, subject_key, events,
        messages, outcome, answers, answered, quarantined, raw
    )
    SELECT
        $1, $3, position, inlet, log_offset, recorded_at, last_key, commands_offset,
        results_offset, coalesce(command_id, ''), coalesce(request_id, ''),
        coalesce(fingerprint, ''), principal, subject_key, events, messages, outcome,
        coalesce(answers, ''), answered, coalesce(quarantined, ''), raw
    FROM unnest(
        $26::bigint[], $27::smallint[], $28::bigint[], $29::bigint[], $30::bigint[],
        $31::bigint[], $32::bigint[], $33::text[], $34::text[], $35::text[], $36::text[],
        $37::bigint[], $38::bytea[], $39::bytea[], $40::bytea[], $41::text[], $42::bytea[],
        $43::text[], $44::bytea[]
    ) AS s (
        position, inlet, log_offset, recorded_at, last_key, commands_offset, results_offset,
        command_id, request_id, fingerprint, principal, subject_key, events, messages, outcome,
        answers, answered, quarantined, raw
    )
), fence AS (
    SELECT 1 FROM partitions WHERE id = $1 AND owner = $2 AND epoch = $3 FOR SHARE
)/* writes */
SELECT
    1 / (
        (SELECT count(*) FROM fence)/* counts */
        * ((SELECT count(*) FROM updated) = cardinality($4::bigint[]))::int
        * (SELECT count(*) FROM settings_version WHERE version = coalesce($46::bigint, version))
        * (NOT EXISTS (
            SELECT FROM steps WHERE command_id = ANY ($45::text[]) AND command_id <> ''
        ))::int
        * (NOT EXISTS (
            SELECT FROM steps WHERE answers = ANY ($45::text[]) AND answers <> ''
        ))::int
    );

-- name: known
-- $1 command_ids text[]
-- The settings version (row 0), every step of the commands' own, every step that decided one. An id
-- carries its partition: naming that here too would leave the planner two indexes to choose from.
SELECT
    version AS position, '' AS command_id, '' AS fingerprint, NULL::bigint AS subject_key,
    NULL::bytea AS outcome
FROM settings_version
UNION ALL
SELECT position, command_id, fingerprint, subject_key, outcome
FROM steps
WHERE command_id = ANY ($1::text[]) AND command_id <> ''
UNION ALL
SELECT position, answers, '', subject_key, answered
FROM steps
WHERE answers = ANY ($1::text[]) AND answers <> '';

-- name: newest_step
-- $1 partition_id int
SELECT
    s.position, s.recorded_at, s.last_key, s.commands_offset, s.results_offset,
    (SELECT r.position FROM relay_cursors AS r WHERE r.partition_id = $1) AS relayed
FROM steps AS s
WHERE s.partition_id = $1
ORDER BY s.position DESC
LIMIT 1;

-- name: steps_after
-- $1 partition_id int, $2 position bigint, $3 limit int
SELECT
    position, inlet, log_offset, recorded_at, last_key, commands_offset, results_offset,
    command_id, request_id, fingerprint, principal, subject_key, events, messages, outcome,
    answers, answered, quarantined, raw
FROM steps
WHERE partition_id = $1 AND position > $2
ORDER BY position
LIMIT $3;

-- name: move_relay_cursor
-- $1 partition_id int, $2 position bigint
UPDATE relay_cursors SET position = $2 WHERE partition_id = $1 AND position < $2;

-- name: prune_steps
-- $1 partition_id int, $2 from position bigint, $3 up to position bigint, $4 older than bigint,
-- $5 limit int. Time never goes back with the position, so old steps come first. A command that still
-- waits stays on record, whatever its age: a withdrawal or a repetition has to find it. Once decided,
-- it goes with the step that decided it. Returns how far all was looked at.
WITH old AS (
    SELECT position
    FROM (
        SELECT position, recorded_at
        FROM steps
        WHERE partition_id = $1 AND position > $2 AND position <= $3
        ORDER BY position
        LIMIT $5
    ) AS oldest
    WHERE recorded_at < $4
), gone AS (
    DELETE FROM steps AS s
    WHERE
        s.partition_id = $1
        AND s.position = ANY (ARRAY(SELECT position FROM old))
        AND NOT (
            s.outcome IS NULL
            AND s.command_id <> ''
            -- An array, because EXISTS may be answered by reading all tasks.
            AND s.command_id = ANY (ARRAY(
                SELECT t.transition ->> 'command_id'
                FROM user_tasks AS t
                WHERE t.process_instance_key = s.subject_key AND t.transition IS NOT NULL
            ))
        )
    RETURNING answers
), decided AS (
    DELETE FROM steps
    WHERE
        command_id = ANY (ARRAY(SELECT answers FROM gone WHERE answers <> ''))
        AND command_id <> ''
)
SELECT max(position) FROM old;

-- name: suspect
-- $1 partition_id int, $2 inlet smallint, $3 log_offset bigint
INSERT INTO suspects (partition_id, inlet, log_offset, times)
VALUES ($1, $2, $3, 1)
ON CONFLICT (partition_id, inlet, log_offset) DO UPDATE SET times = suspects.times + 1
RETURNING times;

-- name: acquit
-- $1 partition_id int
DELETE FROM suspects WHERE partition_id = $1;

-- name: insert_worklist
-- $1 partition_id int, then an array a column: rows of ``worklist``, after the key of the instance, then
-- rows of ``worklist_texts``. New tasks come after their process.
WITH listed AS (
    INSERT INTO worklist (
        partition_id, key, state, assignee, assignee_group, assignee_external, claimant,
        claimant_external, open_to, candidate_users, candidate_groups, updated_at, tenant,
        definition_name, display_name, node_id, process_id, started_by
    )
    SELECT
        $1, u.key, u.state, u.assignee, u.assignee_group, u.assignee_external, u.claimant,
        u.claimant_external, u.open_to, u.candidate_users::text[], u.candidate_groups::text[],
        u.updated_at, u.tenant, u.definition_name, u.display_name, u.node_id, u.process_id,
        coalesce(p.started_by, '')
    FROM unnest(
        $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::boolean[], $7::boolean[],
        $8::text[], $9::boolean[], $10::text[], $11::text[], $12::text[], $13::bigint[],
        $14::text[], $15::text[], $16::text[], $17::text[], $18::text[]
    ) AS u (
        instance_key, key, state, assignee, assignee_group, assignee_external, claimant,
        claimant_external, open_to, candidate_users, candidate_groups, updated_at, tenant,
        definition_name, display_name, node_id, process_id
    )
    LEFT JOIN process_instances AS p ON p.key = u.instance_key
    RETURNING key, tenant, started_by
)
INSERT INTO worklist_texts (partition_id, key, tenant, assignee, input, output, labels)
SELECT
    $1, u.key, listed.tenant, u.assignee, u.input, u.output, u.labels || ' ' || listed.started_by
FROM unnest($19::bigint[], $20::text[], $21::jsonb[], $22::jsonb[], $23::text[])
    AS u (key, assignee, input, output, labels)
JOIN listed ON listed.key = u.key;

-- name: update_worklist
UPDATE worklist AS w
SET
    state = u.state, assignee = u.assignee, assignee_group = u.assignee_group,
    assignee_external = u.assignee_external, claimant = u.claimant,
    claimant_external = u.claimant_external, open_to = u.open_to,
    candidate_users = u.candidate_users::text[], candidate_groups = u.candidate_groups::text[],
    updated_at = u.updated_at
FROM unnest(
    $1::bigint[], $2::text[], $3::text[], $4::boolean[], $5::boolean[], $6::text[],
    $7::boolean[], $8::text[], $9::text[], $10::text[], $11::bigint[]
) AS u (
    key, state, assignee, assignee_group, assignee_external, claimant, claimant_external,
    open_to, candidate_users, candidate_groups, updated_at
)
WHERE w.key = u.key;

-- name: update_worklist_assignees
-- $1 partition_id int, then an array a column. Most changes of a task leave its texts as they were.
UPDATE worklist_texts AS t
SET assignee = u.assignee
FROM unnest($2::bigint[], $3::text[]) AS u (key, assignee)
WHERE t.key = u.key AND t.assignee <> u.assignee AND t.partition_id = $1;

-- name: update_worklist_texts
-- $1 partition_id int, then an array a column. Form data is set name by name, never taken away.
UPDATE worklist_texts AS t
SET assignee = u.assignee, input = t.input || u.input, output = t.output || u.output
FROM unnest($2::bigint[], $3::text[], $4::jsonb[], $5::jsonb[])
    AS u (key, assignee, input, output)
WHERE t.key = u.key AND t.partition_id = $1;

-- Tasks as people who share work see them. w: read_worklist, x: read_worklist_texts.

-- name: tasks_by_key
SELECT {columns}, assignee FROM read_work_tasks_by_key($1::bigint[])

-- name: tasks_at
SELECT {columns}, assignee
FROM read_work_tasks
WHERE process_instance_key = $1::bigint AND node_id = $2::text
ORDER BY key DESC
LIMIT 1

-- name: page
SELECT {columns}, assignee
FROM (
    SELECT DISTINCT key, updated_at
    FROM ({branches}) AS matches
    ORDER BY updated_at DESC, key DESC
    LIMIT {limit} OFFSET {start}
) AS page (key, listed_at)
JOIN read_work_tasks USING (key)
ORDER BY listed_at DESC, key DESC

-- name: count
SELECT count(*) FROM (SELECT FROM ({branches}) AS matches LIMIT {limit}) AS first_matches

-- A task may be in several, each of which ends at the limit.
-- name: count_of_several
SELECT LEAST(count(DISTINCT key), {limit}) FROM ({branches}) AS matches

-- name: hits
SELECT x.key FROM read_worklist_texts AS x WHERE {conditions} LIMIT {limit}

-- name: display_names
SELECT DISTINCT w.display_name
FROM (SELECT DISTINCT key FROM ({branches}) AS matches LIMIT {limit}) AS first_matches
JOIN read_worklist AS w USING (key)
WHERE w.display_name <> ''
ORDER BY w.display_name

-- Each branch comes in order.
-- name: branch
(
    SELECT w.key, w.updated_at
    FROM {tables}
    WHERE {conditions}
    ORDER BY w.updated_at DESC, w.key DESC
    LIMIT {limit}
)

-- Of each of these names (people, definitions, …) and states the newest, in the order of an index.
-- name: lists
(
    SELECT each.key, each.updated_at
    FROM unnest({names}) AS list (name)
    CROSS JOIN unnest({states}) AS listed (state)
    CROSS JOIN LATERAL (
        SELECT w.key, w.updated_at
        FROM {tables}
        WHERE w.{column} = list.name AND w.state = listed.state AND {conditions}
        ORDER BY w.updated_at DESC, w.key DESC
        LIMIT {limit}
    ) AS each
    {at_most}
)

-- name: tables
read_worklist AS w

-- name: tables_with_texts
read_worklist AS w JOIN read_worklist_texts AS x ON x.key = w.key

-- What somebody has deployed, and which rules they have made.
-- name: owned
SELECT
    ARRAY(SELECT DISTINCT process_id FROM read_definitions WHERE deployed_by = $1::text),
    ARRAY(SELECT id FROM read_documents WHERE kind = 'task_rule' AND created_by = $1::text)

-- name: of_instances
w.key = ANY (ARRAY(
    SELECT key FROM read_user_tasks WHERE process_instance_key = ANY ({keys})
))

-- One name after the other by their index, however many tasks have each.
-- name: all_display_names
WITH RECURSIVE names (name) AS (
    (SELECT display_name FROM read_worklist ORDER BY display_name LIMIT 1)
    UNION ALL
    SELECT (
        SELECT display_name
        FROM read_worklist
        WHERE display_name > names.name
        ORDER BY display_name
        LIMIT 1
    )
    FROM names
    WHERE names.name IS NOT NULL
)
SELECT name
FROM names
WHERE name <> '' AND ($1::text[] IS NULL OR EXISTS (
    SELECT
    FROM read_worklist AS w
    WHERE w.display_name = names.name AND w.tenant = ANY ($1::text[])
))
ORDER BY name

-- name: documents
SELECT {columns}
FROM read_documents
WHERE kind = $1::text
    AND ($2::text IS NULL OR id = $2::text)
    AND ($3::int IS NULL OR version = $3::int)
ORDER BY id, version DESC

-- name: definitions
SELECT {columns}
FROM read_definitions
WHERE NOT deleted
    AND ($1::text IS NULL OR process_id = $1::text)
    AND ($2::int IS NULL OR version = $2::int)
    AND ($3::text[] IS NULL OR tenant = ANY ($3::text[]))
ORDER BY process_id, version DESC

-- name: instance
SELECT {columns} FROM read_instances WHERE key = $1::bigint

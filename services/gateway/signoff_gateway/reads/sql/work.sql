-- Tasks as people who share work see them. w: read_worklist, x: read_worklist_texts.

-- name: tasks_by_key
SELECT {columns}, assignee FROM read_work_tasks_by_key($1::bigint[])

-- name: tasks_at
SELECT {columns}, assignee
FROM read_work_tasks
WHERE process_instance_key = $1::bigint AND node_id = $2::text
ORDER BY key DESC
LIMIT 1

-- A page, and the total: one pass finds both.
-- name: listed
WITH matches AS MATERIALIZED ({matches}),
page AS MATERIALIZED ({page})
SELECT {total} AS total, {columns}, assignee
FROM (SELECT) AS always
LEFT JOIN (
    SELECT page.updated_at AS listed_at, tasks.*
    FROM page
    JOIN read_work_tasks AS tasks ON tasks.key = page.key
) AS listed ON true
ORDER BY listed_at DESC, key DESC

-- name: total
(SELECT count(*) FROM matches)

-- name: page
SELECT key, updated_at
FROM matches
ORDER BY updated_at DESC, key DESC
LIMIT {size} OFFSET {start}

-- The same, among all that are rare enough to be looked for first: unless these are too many.
-- name: among
WITH hits AS MATERIALIZED (
    {hits} LIMIT {most} + 1
),
matches AS MATERIALIZED (
    {matches} AND (SELECT count(*) FROM hits) <= {most} AND {conditions}
),
page AS MATERIALIZED ({page})
SELECT
    (SELECT count(*) FROM hits) AS hits,
    (SELECT count(*) FROM matches) AS total,
    {columns},
    assignee
FROM (SELECT) AS always
LEFT JOIN (
    SELECT page.updated_at AS listed_at, tasks.*
    FROM page
    JOIN read_work_tasks AS tasks ON tasks.key = page.key
) AS listed ON true
ORDER BY listed_at DESC, key DESC

-- In an order in which the table can be gone through, to find what nearly all have.
-- name: hits_by_texts
SELECT x.key FROM read_worklist_texts AS x WHERE {conditions} ORDER BY x.key DESC

-- name: matches_by_texts
SELECT w.key, w.updated_at
FROM hits
-- By key, each for itself: however many there may be, no reason to read the whole table.
CROSS JOIN LATERAL (SELECT * FROM read_worklist AS w WHERE w.key = hits.key LIMIT 1) AS w
WHERE true

-- name: hits_by_names
SELECT w.key FROM read_worklist AS w WHERE {conditions}

-- name: matches_by_names
SELECT w.key, w.updated_at FROM read_worklist AS w WHERE true

-- name: display_names
SELECT DISTINCT w.display_name
FROM ({matches}) AS matches
JOIN read_worklist AS w USING (key)
WHERE w.display_name <> ''
ORDER BY w.display_name

-- name: matches
SELECT w.key, w.updated_at
FROM ({lists}) AS w {texts_of_it}
WHERE {texts}
ORDER BY w.updated_at DESC, w.key DESC
LIMIT {limit}

-- Only what comes in order can be merged.
-- name: list
(
    SELECT w.key, w.updated_at
    FROM read_worklist AS w
    WHERE {conditions}
    ORDER BY w.updated_at DESC, w.key DESC
    LIMIT {limit}
)

-- By key too, on the way through the lists.
-- name: texts_of_it
CROSS JOIN LATERAL (SELECT * FROM read_worklist_texts AS x WHERE x.key = w.key LIMIT 1) AS x

-- One name after the other by their index, however many tasks each has and however many patterns there
-- are.
-- name: people
SELECT
    names.name,
    ARRAY(
        SELECT patterns.number
        FROM unnest({patterns}) WITH ORDINALITY AS patterns (pattern, number)
        WHERE names.name LIKE patterns.pattern
    ) AS numbers
FROM unnest({beginnings}) AS beginnings (beginning)
CROSS JOIN LATERAL (
    WITH RECURSIVE names (name) AS (
        (
            SELECT {column}
            FROM read_worklist
            WHERE {column} <> '' AND {column} >= beginnings.beginning
            ORDER BY {column}
            LIMIT 1
        )
        UNION ALL
        SELECT (
            SELECT {column}
            FROM read_worklist
            WHERE {column} <> '' AND {column} > names.name
            ORDER BY {column}
            LIMIT 1
        )
        FROM names
        WHERE starts_with(names.name, beginnings.beginning)
    )
    SELECT name
    FROM names
    WHERE starts_with(name, beginnings.beginning) AND name LIKE ANY ({patterns})
) AS names
LIMIT {limit}

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

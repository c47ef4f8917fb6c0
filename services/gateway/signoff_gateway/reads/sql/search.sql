-- name: page
SELECT {columns}
FROM {view} AS found
WHERE {conditions}
ORDER BY {order}
LIMIT {limit} OFFSET {start}

-- name: count
SELECT count(*)
FROM (SELECT FROM {view} AS found WHERE {conditions} LIMIT {limit}) AS matches

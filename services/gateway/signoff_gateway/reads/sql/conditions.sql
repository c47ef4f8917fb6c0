-- What a comparison means, by the kind of field (one value or a list of texts) and operator.

-- name: one_eq
{column} = {value}

-- name: one_neq
{column} IS DISTINCT FROM {value}

-- name: one_present
{column} IS NOT NULL

-- name: one_absent
{column} IS NULL

-- name: one_in
{column} = ANY ({value})

-- name: one_not_in
({column} = ANY ({value})) IS NOT TRUE

-- name: one_like
{column} LIKE {value}

-- name: one_gt
{column} > {value}

-- name: one_gte
{column} >= {value}

-- name: one_lt
{column} < {value}

-- name: one_lte
{column} <= {value}

-- name: list_eq
{column} @> ARRAY[{value}]

-- name: list_neq
NOT {column} @> ARRAY[{value}]

-- name: list_present
cardinality({column}) > 0

-- name: list_absent
cardinality({column}) = 0

-- name: list_in
{column} && {value}

-- name: list_not_in
NOT {column} && {value}

-- name: list_like
EXISTS (SELECT FROM unnest({column}) AS element WHERE element LIKE {value})

-- name: list_all
{column} @> {value}

-- name: of_tenants
tenant = ANY ({value})

-- name: of_processes
process_id = ANY ({value})

-- name: of_instances
EXISTS (
    SELECT
    FROM read_process_instances AS instance
    WHERE instance.key = found.process_instance_key AND instance.process_id = ANY ({value})
)

-- What a scope shows is not all stored under its key: the way to it is the process instance.
-- name: of_scopes
process_instance_key = ANY (ARRAY(
    SELECT process_instance_key FROM read_scopes WHERE key = ANY ({value})
))

-- name: of_keys
key = ANY ({value})

-- Of two of one name that are shown in one scope, the one that was made later hides the other: what a
-- task keeps for itself hides what it was given.
-- name: newest
NOT EXISTS (
    SELECT
    FROM read_variables AS newer
    WHERE newer.process_instance_key = found.process_instance_key
        AND newer.scope_key = found.scope_key
        AND newer.name = found.name
        AND newer.key > found.key
)

-- A task has two scopes: its own hides what its process instance has under the same name.
-- name: innermost
(
    scope_key = {value}
    OR NOT EXISTS (
        SELECT
        FROM read_variables AS hiding
        WHERE hiding.process_instance_key = found.process_instance_key
            AND hiding.scope_key = {value}
            AND hiding.name = found.name
    )
)

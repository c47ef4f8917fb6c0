-- name: settings_version
SELECT version FROM settings_version;

-- name: bump_settings
-- $1 by int
UPDATE settings_version SET version = version + $1;

-- name: definitions
-- $1 partition_id int. By which something starts, or by which here something runs.
SELECT key, process_id, version, name, tenant, digest, resource_name, deployed_by, deleted
FROM definitions
WHERE
    NOT deleted
    OR EXISTS (
        SELECT FROM process_instances AS p
        WHERE
            p.partition_id = $1 AND p.definition_key = definitions.key AND p.open
            AND p.standalone IS NULL
    );

-- name: graphs
-- $1 definition keys bigint[]
SELECT key, graph FROM definitions WHERE key = ANY ($1::bigint[]);

-- name: latest_forms
SELECT DISTINCT ON (tenant, form_id) key, form_id, version, tenant, digest, resource_name
FROM forms
ORDER BY tenant, form_id, version DESC;

-- name: latest_resources
SELECT DISTINCT ON (tenant, name) key, name, version, tenant, digest
FROM resources
ORDER BY tenant, name, version DESC;

-- name: all_listeners
SELECT id, job_type, events, retries, after_own, priority, configured FROM global_listeners;

-- name: all_documents
SELECT kind, id, array_agg(version ORDER BY version), array_agg(updated_at ORDER BY version)
FROM documents
GROUP BY kind, id;

-- name: all_rules
-- Saved first by whoever saved the lowest version, in force as in the highest.
SELECT id, rule, created_by FROM documents WHERE rule IS NOT NULL ORDER BY id, version;

-- name: insert_definition
INSERT INTO definitions (
    key, process_id, version, name, resource_name, digest, tenant, graph, content, deployment_key,
    deployed_by, deployed_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: delete_definition
-- $1 key bigint. What runs by it goes on to need it.
UPDATE definitions SET deleted = true WHERE key = $1;

-- name: insert_form
INSERT INTO forms (
    key, form_id, version, resource_name, digest, tenant, content, deployment_key, deployed_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: insert_resource
INSERT INTO resources (key, name, version, digest, tenant, content, deployment_key, deployed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: put_listener
INSERT INTO global_listeners (id, job_type, events, retries, after_own, priority, configured)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE SET
    job_type = excluded.job_type, events = excluded.events, retries = excluded.retries,
    after_own = excluded.after_own, priority = excluded.priority,
    configured = excluded.configured;

-- name: delete_listener
-- $1 id text
DELETE FROM global_listeners WHERE id = $1;

-- name: put_document
INSERT INTO documents (
    kind, id, version, content, rule, created_at, created_by, updated_at, updated_by
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $6, $7)
ON CONFLICT (kind, id, version) DO UPDATE SET
    content = excluded.content, rule = excluded.rule, updated_at = excluded.updated_at,
    updated_by = excluded.updated_by;

-- name: delete_document
-- $1 kind text, $2 id text, $3 version int
DELETE FROM documents WHERE kind = $1 AND id = $2 AND version = $3;

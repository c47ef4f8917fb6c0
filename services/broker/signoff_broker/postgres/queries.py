"""Named SQL, loaded once. A misspelt name fails at import, and an editor finds every use."""

from importlib.resources import files
from typing import Final


def _load() -> dict[str, str]:
    """Every ``-- name:`` block of ``sql/*.sql``."""
    blocks: dict[str, str] = {}
    for file in (files("signoff_broker.postgres") / "sql").iterdir():
        for block in file.read_text("utf-8").split("-- name: ")[1:]:
            name, _, text = block.partition("\n")
            assert name not in blocks, f"two blocks are called {name}"
            blocks[name] = text.strip()
    return blocks


ALL: Final = _load()
"""Name → statement, for the test that prepares every one."""

BEGIN: Final = ALL["begin"]
COMMIT: Final = ALL["commit"]
ROLLBACK: Final = ALL["rollback"]
HOLDS_FENCE: Final = ALL["holds_fence"]
PARTITION_COUNT: Final = ALL["partition_count"]
LOCK_PARTITIONS: Final = ALL["lock_partitions"]
ADD_PARTITIONS: Final = ALL["add_partitions"]
STATE_VERSION: Final = ALL["state_version"]
END_SESSIONS: Final = ALL["end_sessions"]
RAISE_EPOCH: Final = ALL["raise_epoch"]

JOIN_CLUSTER: Final = ALL["join_cluster"]
FORGET_BROKERS: Final = ALL["forget_brokers"]
LEAVE_CLUSTER: Final = ALL["leave_cluster"]
LIVE_BROKERS: Final = ALL["live_brokers"]
PROLONG_LEASES: Final = ALL["prolong_leases"]
VIEW_LEASES: Final = ALL["view_leases"]
CLAIM_LEASE: Final = ALL["claim_lease"]
RELEASE_LEASE: Final = ALL["release_lease"]
RELEASE_LEASES: Final = ALL["release_leases"]

FINISH_COMMIT: Final = ALL["finish_commit"]
KNOWN: Final = ALL["known"]
NEWEST_STEP: Final = ALL["newest_step"]
STEPS_AFTER: Final = ALL["steps_after"]
MOVE_RELAY_CURSOR: Final = ALL["move_relay_cursor"]
PRUNE_STEPS: Final = ALL["prune_steps"]
SUSPECT: Final = ALL["suspect"]
ACQUIT: Final = ALL["acquit"]

LOAD_INSTANCES: Final = ALL["load_instances"]
PRUNE_INSTANCES: Final = ALL["prune_instances"]
INSERT_PROCESSES: Final = ALL["insert_processes"]
UPDATE_PROCESSES: Final = ALL["update_processes"]
INSERT_TASKS: Final = ALL["insert_tasks"]
INSERT_JOBS: Final = ALL["insert_jobs"]
UPDATE_JOBS: Final = ALL["update_jobs"]
INSERT_INCIDENTS: Final = ALL["insert_incidents"]
UPDATE_INCIDENTS: Final = ALL["update_incidents"]
INSERT_VARIABLES: Final = ALL["insert_variables"]
UPDATE_VARIABLES: Final = ALL["update_variables"]

PUT_ELEMENTS: Final = ALL["put_elements"]
INSERT_LOG: Final = ALL["insert_log"]
INSERT_STARTS: Final = ALL["insert_starts"]
DELETE_STARTS: Final = ALL["delete_starts"]

INSERT_WORKLIST: Final = ALL["insert_worklist"]
UPDATE_WORKLIST: Final = ALL["update_worklist"]
UPDATE_WORKLIST_ASSIGNEES: Final = ALL["update_worklist_assignees"]
UPDATE_WORKLIST_TEXTS: Final = ALL["update_worklist_texts"]

DUE: Final = ALL["due"]
NEXT_DUE: Final = ALL["next_due"]
WAITING_JOBS: Final = ALL["waiting_jobs"]
WAITING_TYPES: Final = ALL["waiting_types"]
HELD_JOBS: Final = ALL["held_jobs"]

SETTINGS_VERSION: Final = ALL["settings_version"]
BUMP_SETTINGS: Final = ALL["bump_settings"]
DEFINITIONS: Final = ALL["definitions"]
GRAPHS: Final = ALL["graphs"]
LATEST_FORMS: Final = ALL["latest_forms"]
LATEST_RESOURCES: Final = ALL["latest_resources"]
ALL_LISTENERS: Final = ALL["all_listeners"]
ALL_DOCUMENTS: Final = ALL["all_documents"]
ALL_RULES: Final = ALL["all_rules"]
INSERT_DEFINITION: Final = ALL["insert_definition"]
DELETE_DEFINITION: Final = ALL["delete_definition"]
INSERT_FORM: Final = ALL["insert_form"]
INSERT_RESOURCE: Final = ALL["insert_resource"]
PUT_LISTENER: Final = ALL["put_listener"]
DELETE_LISTENER: Final = ALL["delete_listener"]
PUT_DOCUMENT: Final = ALL["put_document"]
DELETE_DOCUMENT: Final = ALL["delete_document"]

LOCK_MIGRATIONS: Final = ALL["lock_migrations"]
ENSURE_MIGRATIONS_TABLE: Final = ALL["ensure_migrations_table"]
MIGRATIONS_TABLE_EXISTS: Final = ALL["migrations_table_exists"]
APPLIED_MIGRATIONS: Final = ALL["applied_migrations"]
RECORD_MIGRATION: Final = ALL["record_migration"]
LOG_IDENTITY: Final = ALL["log_identity"]
STORE_LOG_IDENTITY: Final = ALL["store_log_identity"]

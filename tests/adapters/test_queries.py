"""Every statement fits the migrated schema, and finds its rows by an index whatever is in it."""

import asyncio
import re
from collections.abc import Iterator

import asyncpg
import pytest

from signoff_broker.ports import Batch
from signoff_broker.postgres import queries
from signoff_broker.postgres.migrate import migrate
from signoff_broker.postgres.session import Connection, connect
from signoff_broker.postgres.writes import Claim, writes_of
from signoff_schemas.work import Action, ActionKind, Person, Work, WorkState
from tests.adapters.entities import NOW, a_job, a_step, a_task
from tests.support.backends import Databases

pytestmark = pytest.mark.postgres

# Of these a few rows are all there is.
SMALL = {
    "partitions",
    "leases",
    "brokers",
    "settings_version",
    "global_listeners",
    "definitions",
    "forms",
    "documents",
    "log_identity",
    "schema_migrations",
}


@pytest.fixture(scope="module")
def dsn(databases: Databases) -> Iterator[str]:
    """One for all, and never written to: what was there once would change plans."""
    made = asyncio.run(databases.fresh())
    asyncio.run(migrate(made))
    yield made
    asyncio.run(databases.drop(made))


@pytest.mark.parametrize("name", sorted(queries.ALL))
async def test_the_statement_can_be_prepared(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.prepare(queries.ALL[name])
    finally:
        await connection.close()


def test_every_statement_has_a_constant() -> None:
    constants = {value for name, value in vars(queries).items() if name.isupper() and name != "ALL"}

    assert constants == set(queries.ALL.values())


@pytest.mark.parametrize(
    ("name", "indexes"),
    {
        "known": {"steps_command_id", "steps_answers"},
        "load_instances": {
            "process_instances_pkey",
            "process_instances_token",
            "user_tasks_pkey",
            "user_tasks_open",
            "user_tasks_instance",
            "jobs_pkey",
            "jobs_instance",
            "incidents_pkey",
            "incidents_instance",
            "variables_instance",
        },
        "finish_commit": {
            "user_tasks_pkey",
            "partitions_pkey",
            "steps_command_id",
            "steps_answers",
        },
        "definitions": {"process_instances_definition"},
        "graphs": {"definitions_pkey"},
        "update_processes": {"process_instances_pkey"},
        "update_jobs": {"jobs_pkey"},
        "update_incidents": {"incidents_pkey"},
        "update_variables": {"variables_pkey"},
        "due": {"jobs_due", "user_tasks_due", "process_instances_due", "starts_pkey"},
        "next_due": {"jobs_due", "user_tasks_due", "process_instances_due", "starts_pkey"},
        "delete_starts": {"starts_pkey"},
        "insert_worklist": {"process_instances_pkey"},
        "update_worklist": {"worklist_pkey"},
        "update_worklist_assignees": {"worklist_texts_pkey"},
        "update_worklist_texts": {"worklist_texts_pkey"},
        "held_jobs": {"jobs_due"},
        "waiting_jobs": {"jobs_waiting"},
        "waiting_types": {"jobs_waiting"},
        "newest_step": {"steps_pkey", "relay_cursors_pkey"},
        "steps_after": {"steps_pkey"},
        "prune_steps": {"steps_pkey", "steps_command_id", "user_tasks_instance"},
        "prune_instances": {
            "process_instances_ended",
            "process_instances_pkey",
            "user_tasks_instance",
            "task_log_pkey",
            "worklist_pkey",
            "worklist_texts_pkey",
            "elements_instance",
            "jobs_instance",
            "incidents_instance",
            "variables_instance",
        },
    }.items(),
)
async def test_the_planner_has_one_way_before_it_knows_the_tables(
    dsn: str, name: str, indexes: set[str]
) -> None:
    """Tables that were empty a moment ago have no statistics; the first plan must hold."""
    connection = await connect(dsn, "signoff:test")
    try:
        plan = await plan_of(connection, queries.ALL[name])
    finally:
        await connection.close()
    scanned = set(re.findall(r"Seq Scan on (\w+)", plan))
    used = set(re.findall(r"Index(?: Only)? Scan (?:Backward )?(?:using|on) (\w+)", plan))

    assert scanned <= SMALL, plan
    assert used, plan
    assert used <= indexes, plan


async def test_jobs_are_written_within_the_last_statement_by_their_keys(dsn: str) -> None:
    known, new = a_job(4), a_job(9)
    batch = Batch(steps=[a_step(1)], jobs={known.key: known, new.key: new})

    writes = writes_of(batch, Claim(dsn, 1, "", 1), last_key=8)

    assert writes.first == []
    connection = await connect(dsn, "signoff:test")
    try:
        plan = await plan_of(connection, writes.finish.statement)
    finally:
        await connection.close()
    assert "Insert on jobs" in plan
    assert "Update on jobs" in plan
    assert "Index Scan using jobs_pkey" in plan


async def plan_of(connection: Connection, statement: str) -> str:
    prepared = await connection.prepare(statement)
    types = [f"{each.name}" for each in prepared.get_parameters()]
    body = statement.rstrip(";")
    await connection.execute(f"PREPARE planned AS {body}")
    nulls = ", ".join("NULL" for _ in types)
    rows = await connection.fetch(f"EXPLAIN EXECUTE planned({nulls})")
    return "\n".join(row[0] for row in rows)


def test_a_plain_update_is_one_statement_and_leaves_work_lists_alone(dsn: str) -> None:
    known = a_task(3, updated_at=NOW, updated_by="ann")
    batch = Batch(steps=[a_step(1)], tasks={known.key: known})

    writes = writes_of(batch, Claim(dsn, 1, "", 1), last_key=8)

    assert writes.first == []
    assert writes.finish.statement == queries.FINISH_COMMIT


async def test_a_claim_is_one_statement_and_writes_work_lists_by_their_keys(dsn: str) -> None:
    known = a_task(3, work=Work(claimant=Person("ann")), logged=1)
    line = Action(ActionKind.CLAIM, WorkState.CLAIMED, NOW, "ann", claimant=Person("ann"))
    batch = Batch(
        steps=[a_step(1)],
        tasks={known.key: known},
        log={(known.key, 0): line},
        worklist={known.key},
    )

    writes = writes_of(batch, Claim(dsn, 1, "", 1), last_key=8)

    assert writes.first == []
    connection = await connect(dsn, "signoff:test")
    try:
        plan = await plan_of(connection, writes.finish.statement)
    finally:
        await connection.close()
    assert "Insert on task_log" in plan
    assert "Index Scan using worklist_pkey" in plan
    assert "Index Scan using worklist_texts_pkey" in plan
    assert set(re.findall(r"Seq Scan on (\w+)", plan)) <= SMALL

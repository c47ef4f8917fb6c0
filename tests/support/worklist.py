"""A worklist as big installations have it, made in the database itself."""

from typing import Final

import asyncpg

from signoff_gateway.reads.work import (
    AllOf,
    FieldMatch,
    PersonPattern,
    SeenBy,
    Word,
    WorkQuery,
)
from signoff_schemas.work import WorkState

STARTED: Final = 1_790_000_000_000
EVERY_MS: Final = 1_000
"""From one change of a task to the next."""

_MIX: Final = """
CREATE TEMPORARY TABLE mix AS
SELECT
    n,
    (1::bigint << 51) + 3 * n AS key,
    CASE
        WHEN dice[1] < 700 THEN 'COMPLETED'
        WHEN dice[1] < 780 THEN 'CLAIMED'
        WHEN dice[1] < 980 THEN 'ASSIGNED'
        WHEN dice[1] < 995 THEN 'DELETED'
        ELSE 'TIMED_OUT'
    END AS state,
    CASE
        WHEN dice[2] < 400 THEN 'group-' || dice[3] % 50
        WHEN dice[2] < 850 THEN 'user-' || dice[3] || '@example.org'
        ELSE ''
    END AS assignee,
    dice[2] < 400 AS is_group,
    'user-' || dice[4] || '@example.org' AS worker,
    -- A few kinds of tasks make up most of them.
    floor(40 * power(dice[5] / 1000.0, 3))::int AS kind,
    dice[6] AS other
FROM (
    SELECT
        n,
        ARRAY(
            SELECT mod(abs(hashint8extended(n, seed)), 1000)::int
            FROM generate_series(1, 6) AS seed
        ) AS dice
    FROM generate_series(1::bigint, $ROWS) AS n
) AS thrown
"""
_TASKS: Final = """
INSERT INTO user_tasks (
    key, partition_id, element_instance_key, process_instance_key, definition_key, process_id,
    process_version, process_name, element_id, name, profile, tenant, tags, business_id, created_at,
    state, open, assignee, candidate_groups, candidate_users, due_date, follow_up_date, priority,
    claimant, action, updated_at
)
SELECT
    key, 1, key - 1, key - 2, 1, 'process-' || kind % 15, 1, '', 'node_' || kind, 'Task ' || kind,
    '{}', '<default>', '{}', '', $STARTED + n * $EVERY, 'CREATED', true, '', '{}', '{}', '', '', 50,
    '', '', $STARTED + n * $EVERY
FROM mix
"""
_WORKLIST: Final = """
INSERT INTO worklist (
    key, partition_id, tenant, state, assignee, assignee_group, assignee_external, claimant,
    claimant_external, updated_at, definition_name, display_name, node_id, process_id, started_by
)
SELECT
    key, 1, '<default>', state, assignee, is_group, false,
    CASE WHEN state IN ('CLAIMED', 'COMPLETED') THEN worker ELSE '' END, false,
    $STARTED + n * $EVERY, 'definition_' || kind, 'Task ' || kind, 'node_' || kind,
    'process-' || kind % 15, 'app:' || other % 20
FROM mix
"""
_TEXTS: Final = """
INSERT INTO worklist_texts (key, partition_id, labels, assignee, input, output)
SELECT
    key, 1,
    concat_ws(
        ' ', 'Task ' || kind, 'definition_' || kind, 'node_' || kind, key, 'app:' || other % 20
    ),
    assignee,
    jsonb_build_object(
        'order', 'o-' || n, 'amount', other, 'region', 'region-' || n % 8,
        'customer', 'customer ' || n % 5000, 'subject', 'Please check delivery ' || n % 300
    ),
    CASE
        WHEN state = 'COMPLETED'
            THEN jsonb_build_object('approved', n % 3 > 0, 'comment', 'seen by ' || worker)
        ELSE '{}'
    END
FROM mix
"""


async def fill_worklist(dsn: str, rows: int) -> None:
    """Add so many tasks with their place in work lists, vacuumed and analysed."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in (_MIX, _TASKS, _WORKLIST, _TEXTS):
            text = statement.replace("$ROWS", f"{rows}").replace("$STARTED", f"{STARTED}")
            await connection.execute(text.replace("$EVERY", f"{EVERY_MS}"))
        for table in ("user_tasks", "worklist", "worklist_texts"):
            await connection.execute(f"VACUUM (ANALYZE) {table}")
    finally:
        await connection.close()


def usual_queries(rows: int) -> dict[str, WorkQuery]:
    """What people look for in lists of that size."""
    me, groups = "user-7@example.org", ("group-3", "group-11", "group-40")
    inbox = SeenBy(me, groups, involved=True, open=True)
    mine = SeenBy(me, groups, involved=True, open=True, owned=True)
    granted = SeenBy(
        "app:7", owned=True, open=True, involved=True, definition_names=("definition_3",)
    )
    open_states = (WorkState.PENDING, WorkState.ASSIGNED)
    last = STARTED + rows * EVERY_MS
    return {
        "all": WorkQuery(),
        "state": WorkQuery(states=(WorkState.ASSIGNED,)),
        "open states": WorkQuery(states=open_states),
        "rare state": WorkQuery(states=(WorkState.TIMED_OUT,)),
        "page 20": WorkQuery(start=300, states=(WorkState.COMPLETED,)),
        "assignee": WorkQuery(assignees=(PersonPattern(me, group=False, external=False),)),
        "group": WorkQuery(
            states=open_states, assignees=(PersonPattern("group-3", group=True, external=False),)
        ),
        "assignee, wildcard": WorkQuery(
            states=(WorkState.ASSIGNED,), assignees=(PersonPattern("user-77*"),)
        ),
        "claimant": WorkQuery(claimants=(PersonPattern(me),)),
        "claimed by me": WorkQuery(states=(WorkState.CLAIMED,), claimants=(PersonPattern(me),)),
        "common definition": WorkQuery(definition_names=("definition_0",)),
        "rare definition": WorkQuery(definition_names=("definition_38",)),
        "definition and state": WorkQuery(
            definition_names=("definition_5",), states=(WorkState.ASSIGNED,)
        ),
        "display name": WorkQuery(display_names=("Task 12",)),
        "node": WorkQuery(node_ids=("node_20",), states=open_states),
        "process": WorkQuery(process_ids=("process-9",), states=open_states),
        "instance": WorkQuery(process_instance_keys=((1 << 51) + 3 * (rows // 2) - 2,)),
        "input": WorkQuery(input=FieldMatch(("order",), (f"o-{rows // 3}",))),
        "common input": WorkQuery(input=FieldMatch(("region",), ("region-3",))),
        "output": WorkQuery(
            output=AllOf(
                (
                    FieldMatch(("approved",), ("true",)),
                    FieldMatch(("comment",), ("seen by nobody",)),
                )
            )
        ),
        "rare word": WorkQuery(text=Word(f"o-{rows // 3}")),
        "words": WorkQuery(text=AllOf((Word("delivery"), Word("299")))),
        "common word": WorkQuery(text=Word("delivery")),
        "beginning of a word": WorkQuery(text=Word("custom*")),
        "last hour": WorkQuery(updated_from=last - 3_600_000),
        "inbox": WorkQuery(seen_by=inbox),
        "inbox, claimable": WorkQuery(seen_by=inbox, states=open_states),
        "inbox, completed": WorkQuery(seen_by=inbox, states=(WorkState.COMPLETED,)),
        "what I may see": WorkQuery(seen_by=mine),
        "what an application may see": WorkQuery(seen_by=granted, states=open_states),
    }

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
    -- Of those that nobody has some are of the other dialect, and have candidates.
    dice[2] < 950 AS to_all,
    'group-' || dice[3] % 50 AS candidate,
    -- Most change soon, some late: newest first is not the order in which they lie in the table.
    CASE WHEN n + later > $ROWS THEN n ELSE n + later END AS moved,
    'user-' || dice[4] || '@example.org' AS worker,
    -- A few kinds of tasks make up most of them.
    floor(40 * power(dice[5] / 1000.0, 3))::int AS kind,
    dice[6] AS other
FROM (
    SELECT n, dice, floor(power(dice[7] / 1000.0, 4) * $ROWS / 10)::bigint AS later
    FROM (
        SELECT
            n,
            ARRAY(
                SELECT mod(abs(hashint8extended(n, seed)), 1000)::int
                FROM generate_series(1, 7) AS seed
            ) AS dice
        FROM generate_series(1::bigint, $ROWS) AS n
    ) AS dices
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
    '', '', $STARTED + moved * $EVERY
FROM mix
"""
_WORKLIST: Final = """
INSERT INTO worklist (
    key, partition_id, tenant, state, assignee, assignee_group, assignee_external, claimant,
    claimant_external, open_to, candidate_users, candidate_groups, updated_at, definition_name,
    display_name, node_id, process_id, started_by
)
SELECT
    key, 1, '<default>', state, assignee, is_group, false,
    CASE WHEN state IN ('CLAIMED', 'COMPLETED') THEN worker ELSE '' END, false,
    CASE WHEN NOT is_free THEN '' WHEN to_all THEN 'ALL' ELSE 'CANDIDATES' END, '{}',
    CASE WHEN is_free AND NOT to_all THEN ARRAY[candidate] ELSE '{}' END,
    $STARTED + moved * $EVERY, 'definition_' || kind, 'Task ' || kind, 'node_' || kind,
    'process-' || kind % 15, 'app:' || other % 20
FROM (SELECT *, state = 'ASSIGNED' AND assignee = '' AS is_free FROM mix) AS mixed
"""
_TEXTS: Final = """
INSERT INTO worklist_texts (key, partition_id, tenant, labels, assignee, input, output)
SELECT
    key, 1, '<default>',
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


# What changes after the last vacuum is what lists begin with: their newest part.
_MOVE: Final = """
UPDATE worklist SET updated_at = updated_at + 1
WHERE updated_at > $STARTED + $EVERY * ($ROWS - $ROWS / 50)
"""


async def fill_worklist(dsn: str, rows: int) -> None:
    """Add so many tasks with their place in work lists, nearly all vacuumed, and analysed."""
    connection = await asyncpg.connect(dsn)
    vacuum = [f"VACUUM (ANALYZE) {each}" for each in ("user_tasks", "worklist", "worklist_texts")]
    try:
        for statement in (_MIX, _TASKS, _WORKLIST, _TEXTS, *vacuum, _MOVE):
            text = statement.replace("$ROWS", f"{rows}").replace("$STARTED", f"{STARTED}")
            await connection.execute(text.replace("$EVERY", f"{EVERY_MS}"))
    finally:
        await connection.close()


def usual_queries(rows: int) -> dict[str, WorkQuery]:
    """What people look for in lists of that size."""
    return {**_by_one_filter(rows), **_by_texts(rows), **_on_behalf(rows), **_by_several(rows)}


_ME: Final = "user-7@example.org"
_GROUPS: Final = ("group-3", "group-11", "group-40")
_OPEN: Final = (WorkState.PENDING, WorkState.ASSIGNED)
_INBOX: Final = SeenBy(_ME, _GROUPS, involved=True, open=True, shared=True)
_ADMINS_INBOX: Final = SeenBy(_ME, _GROUPS, involved=True, open=True)


def _by_one_filter(rows: int) -> dict[str, WorkQuery]:
    """Of admins, who see everything: one filter, and perhaps a state."""
    last = STARTED + rows * EVERY_MS
    return {
        "all": WorkQuery(),
        "state": WorkQuery(states=(WorkState.ASSIGNED,)),
        "open states": WorkQuery(states=_OPEN),
        "rare state": WorkQuery(states=(WorkState.TIMED_OUT,)),
        "page 20": WorkQuery(start=300, states=(WorkState.COMPLETED,)),
        "assignee": WorkQuery(assignees=(PersonPattern(_ME, group=False, external=False),)),
        "group": WorkQuery(
            states=_OPEN, assignees=(PersonPattern("group-3", group=True, external=False),)
        ),
        "assignee, wildcard": WorkQuery(
            states=(WorkState.ASSIGNED,), assignees=(PersonPattern("user-77*"),)
        ),
        "claimant": WorkQuery(claimants=(PersonPattern(_ME),)),
        "claimed by me": WorkQuery(states=(WorkState.CLAIMED,), claimants=(PersonPattern(_ME),)),
        "common definition": WorkQuery(definition_names=("definition_0",)),
        "rare definition": WorkQuery(definition_names=("definition_38",)),
        "definition and state": WorkQuery(
            definition_names=("definition_5",), states=(WorkState.ASSIGNED,)
        ),
        "display name": WorkQuery(display_names=("Task 12",)),
        "node": WorkQuery(node_ids=("node_20",), states=_OPEN),
        "process": WorkQuery(process_ids=("process-9",), states=_OPEN),
        "instance": WorkQuery(process_instance_keys=((1 << 51) + 3 * (rows // 2) - 2,)),
        "last hour": WorkQuery(updated_from=last - 3_600_000),
        "an hour long ago": WorkQuery(
            updated_from=last - rows // 2 * EVERY_MS,
            updated_until=last - rows // 2 * EVERY_MS + 3_600_000,
        ),
    }


def _by_texts(rows: int) -> dict[str, WorkQuery]:
    approved_by_nobody = (
        FieldMatch(("approved",), ("true",)),
        FieldMatch(("comment",), ("seen by nobody",)),
    )
    return {
        "input": WorkQuery(input=FieldMatch(("order",), (f"o-{rows // 3}",))),
        "common input": WorkQuery(input=FieldMatch(("region",), ("region-3",))),
        "output": WorkQuery(output=AllOf(approved_by_nobody)),
        "common output": WorkQuery(output=FieldMatch(("approved",), ("true",))),
        "rare word": WorkQuery(text=Word(f"o-{rows // 3}")),
        "words": WorkQuery(text=AllOf((Word("delivery"), Word("299")))),
        "common word": WorkQuery(text=Word("delivery")),
        "beginning of a word": WorkQuery(text=Word("custom*")),
    }


def _on_behalf(rows: int) -> dict[str, WorkQuery]:
    """Whatever somebody may see: of admins their own, of all others all that there is for them."""
    allowed = SeenBy(_ME, _GROUPS, involved=True, open=True, shared=True, owned=True)
    granted = SeenBy(
        "app:7",
        owned=True,
        open=True,
        shared=True,
        involved=True,
        definition_names=("definition_3",),
        process_ids=("process-2",),
        keys=((1 << 51) + 3 * (rows // 5),),
    )
    return {
        "admin's inbox": WorkQuery(seen_by=_ADMINS_INBOX),
        "admin's inbox, claimable": WorkQuery(seen_by=_ADMINS_INBOX, states=_OPEN),
        "inbox": WorkQuery(seen_by=_INBOX),
        "inbox, claimable": WorkQuery(seen_by=_INBOX, states=_OPEN),
        "inbox, claimed": WorkQuery(seen_by=_INBOX, states=(WorkState.CLAIMED,)),
        "inbox, completed": WorkQuery(seen_by=_INBOX, states=(WorkState.COMPLETED,)),
        "inbox, page 20": WorkQuery(seen_by=_INBOX, start=300),
        "what I own": WorkQuery(seen_by=SeenBy(_ME, owned=True)),
        "what I may see": WorkQuery(seen_by=allowed),
        "what I may see, claimable": WorkQuery(seen_by=allowed, states=_OPEN),
        "what an application may see": WorkQuery(seen_by=granted),
        "an application, claimable": WorkQuery(seen_by=granted, states=_OPEN),
    }


def _by_several(rows: int) -> dict[str, WorkQuery]:
    last = STARTED + rows * EVERY_MS
    return {
        "inbox, common definition": WorkQuery(seen_by=_INBOX, definition_names=("definition_0",)),
        "inbox, rare definition": WorkQuery(seen_by=_INBOX, definition_names=("definition_38",)),
        "inbox, display name": WorkQuery(seen_by=_INBOX, display_names=("Task 12",), states=_OPEN),
        "inbox, rare word": WorkQuery(seen_by=_INBOX, text=Word(f"o-{rows // 3}")),
        "inbox, words": WorkQuery(seen_by=_INBOX, text=AllOf((Word("delivery"), Word("299")))),
        "inbox, input": WorkQuery(
            seen_by=_INBOX, input=FieldMatch(("customer",), ("customer 77",))
        ),
        "inbox, last hour": WorkQuery(seen_by=_INBOX, updated_from=last - 3_600_000),
        "inbox, my own": WorkQuery(
            seen_by=_INBOX, assignees=(PersonPattern(_ME, group=False, external=False),)
        ),
        "definition, last day": WorkQuery(
            definition_names=("definition_5",), updated_from=last - 86_400_000
        ),
        "definition and process": WorkQuery(
            definition_names=("definition_0",), process_ids=("process-0",), states=_OPEN
        ),
        "claimant and definition": WorkQuery(
            claimants=(PersonPattern(_ME),), definition_names=("definition_3",)
        ),
        "state, words": WorkQuery(
            states=(WorkState.COMPLETED,), text=AllOf((Word("delivery"), Word("299")))
        ),
        "state, common word": WorkQuery(states=(WorkState.ASSIGNED,), text=Word("delivery")),
        "state, common input": WorkQuery(
            states=(WorkState.ASSIGNED,), input=FieldMatch(("region",), ("region-3",))
        ),
        "inbox, common input": WorkQuery(
            seen_by=_INBOX, input=FieldMatch(("region",), ("region-3",))
        ),
        "assignee, rare wildcard": WorkQuery(assignees=(PersonPattern("*nobody*"),)),
    }

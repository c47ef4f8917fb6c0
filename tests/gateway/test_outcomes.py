"""Held requests: deadlines, hang-ups, and finding out what became of a command."""

import asyncio

import pytest

from signoff_gateway.gateway import GatewayValues
from signoff_gateway.reads import CommandState, CommandStatus
from signoff_schemas.commands import Withdraw
from signoff_schemas.ids import command_id
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus
from tests.support.gateway import APPLIED, TASK, Stack, running

PATH = f"/v2/user-tasks/{TASK}"
TIMED_OUT = "Expected to handle request, but request timed out between gateway and broker"


def in_flight(stack: Stack) -> int:
    return stack.gateway._admission.in_flight(1)


@pytest.mark.parametrize("answer", [None, "check"], ids=["silence", "a listener"])
async def test_a_deadline_is_504_and_names_the_command(hasty: Stack, answer: str | None) -> None:
    hasty.broker.answer = lambda _: answer

    late = await hasty.client.patch(PATH, json={"action": "x"})

    command = hasty.broker.commands[0].id
    assert late.status_code == 504
    assert late.json() == {
        "type": "about:blank",
        "title": "DEADLINE_EXCEEDED",
        "status": 504,
        "detail": TIMED_OUT,
        "instance": PATH,
        "commandId": command,
    }
    assert late.headers["signoff-command-id"] == command
    assert in_flight(hasty) == 0
    assert hasty.gateway._pending.waits == 0
    assert len(hasty.gateway._pending) == 0


async def test_a_listener_frees_the_place_and_the_outcome_comes_later(stack: Stack) -> None:
    stack.broker.answer = lambda _: "check"
    asking = asyncio.create_task(stack.client.patch(PATH, json={"action": "x"}))
    await stack.broker.until(lambda: stack.broker.commands)
    await stack.until(lambda: stack.gateway._pending.waits)
    assert in_flight(stack) == 0

    stack.broker.reply(stack.broker.commands[0])

    assert (await asking).status_code == 204
    assert stack.gateway._pending.waits == 0


async def test_a_mark_and_the_outcome_in_one_breath(stack: Stack) -> None:
    def both(entry):  # noqa: ANN001, ANN202
        stack.broker.hold(entry, "check")
        return APPLIED

    stack.broker.answer = both

    assert (await stack.client.patch(PATH, json={"action": "x"})).status_code == 204
    assert stack.gateway._pending.waits == 0


@pytest.mark.parametrize("answer", [None, "check"], ids=["silence", "a listener"])
async def test_a_caller_that_hangs_up_is_forgotten_and_its_command_goes_on(
    hasty: Stack, answer: str | None
) -> None:
    hasty.broker.answer = lambda _: answer
    _, writer = await hasty.raw(b"DELETE %b/assignee HTTP/1.1\r\nhost: x\r\n\r\n" % PATH.encode())
    await hasty.broker.until(lambda: hasty.broker.commands)

    writer.close()

    await hasty.until(lambda: not len(hasty.gateway._pending))
    assert in_flight(hasty) == 0
    assert hasty.gateway._pending.waits == 0
    hasty.broker.reply(hasty.broker.commands[0])
    hasty.broker.answer = lambda _: APPLIED
    assert (await hasty.client.delete(f"{PATH}/assignee")).status_code == 204


async def test_a_reply_for_nobody_here_changes_nothing(stack: Stack) -> None:
    await stack.client.delete(f"{PATH}/assignee")

    stack.broker.reply(stack.broker.commands[0])
    stack.broker.hold(stack.broker.commands[0], "check")

    assert (await stack.client.delete(f"{PATH}/assignee")).status_code == 204
    assert stack.gateway._pending.waits == 0


REFUSED = Rejection(
    type=RejectionType.NOT_FOUND,
    code=Code.TASK_NOT_FOUND,
    intent="UPDATE",
    values={"verb": "update", "key": "7"},
)


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (None, {"status": "PENDING", "result": None, "rejection": None}),
        (
            CommandStatus(CommandState.WAITING),
            {"status": "WAITING", "result": None, "rejection": None},
        ),
        (
            CommandStatus(
                CommandState.APPLIED,
                Outcome(
                    status=OutcomeStatus.APPLIED,
                    result={"task_key": TASK, "version": 3, "work": {"claimant": {}}, "at": 1},
                ),
            ),
            {
                "status": "APPLIED",
                "result": {"userTaskKey": str(TASK), "version": 3},
                "rejection": None,
            },
        ),
        (
            CommandStatus(
                CommandState.REJECTED, Outcome(status=OutcomeStatus.REJECTED, rejection=REFUSED)
            ),
            {
                "status": "REJECTED",
                "result": {},
                "rejection": {
                    "status": 404,
                    "title": "NOT_FOUND",
                    "detail": "Command 'UPDATE' rejected with code 'NOT_FOUND': Expected to update "
                    "user task with key '7', but no such user task was found",
                },
            },
        ),
    ],
)
async def test_a_command_can_be_asked_for(
    stack: Stack, status: CommandStatus | None, shown: dict[str, object]
) -> None:
    identifier = command_id(1, "some")
    if status is not None:
        stack.reads.commands[identifier] = status

    answer = await stack.client.get(f"/v2/commands/{identifier}")

    assert answer.status_code == 200
    assert answer.json() == {"commandId": identifier, **shown}


@pytest.mark.parametrize("identifier", ["x", "c2-a", "c0-a", "c1-", "c1-%00", "c1-" + "x" * 80])
async def test_an_id_that_no_gateway_made_is_not_found(stack: Stack, identifier: str) -> None:
    for method, path in (("GET", ""), ("POST", "/withdrawal")):
        answer = await stack.client.request(method, f"/v2/commands/{identifier}{path}")
        assert (answer.status_code, answer.json()["title"]) == (404, "NOT_FOUND")


async def test_a_withdrawal_goes_down_the_partition_of_its_command() -> None:
    async with running(partitions=3) as stack:
        stack.broker.answer = lambda _: Outcome(
            status=OutcomeStatus.APPLIED, result={"status": "WITHDRAWN"}
        )
        target = command_id(3, "some")

        answer = await stack.client.post(f"/v2/commands/{target}/withdrawal")

        assert answer.status_code == 200
        assert answer.json() == {"commandId": target, "status": "WITHDRAWN"}
        [entry] = stack.broker.commands
        assert (entry.partition, entry.body) == (3, Withdraw(target=target))


async def test_a_stop_lets_what_is_under_way_end() -> None:
    async with running(GatewayValues(drain_timeout=5)) as stack:
        stack.broker.answer = lambda _: None
        asking = asyncio.create_task(stack.client.patch(PATH, json={"action": "x"}))
        await stack.broker.until(lambda: stack.broker.commands)

        stopping = asyncio.create_task(stack.gateway.stop())
        await asyncio.sleep(0)
        refused = await stack.client.patch(PATH, json={"action": "y"})
        stack.broker.reply(stack.broker.commands[0])

        assert (await asking).status_code == 204
        assert (refused.status_code, refused.json()["title"]) == (503, "UNAVAILABLE")
        await stopping


async def test_a_stop_does_not_wait_for_ever() -> None:
    async with running(GatewayValues(drain_timeout=0.1)) as stack:
        stack.broker.answer = lambda _: "check"
        asking = asyncio.create_task(stack.client.patch(PATH, json={"action": "x"}))
        await stack.broker.until(lambda: stack.broker.commands)

        await stack.gateway.stop()

        assert (await asking).status_code == 504

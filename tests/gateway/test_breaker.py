"""What would not get through is refused before it is handed over, within a second."""

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest

from signoff_gateway.reads import Cluster
from signoff_process.clock import SystemClock
from signoff_process.log.ports import EntryTooLarge, LogUnavailable
from signoff_schemas.replies import Outcome, OutcomeStatus
from tests.support.gateway import TASK, Stack, running

PATH = f"/v2/user-tasks/{TASK}"
COMPLETION = f"/v2/jobs/{TASK}/completion"


class Ahead(SystemClock):
    """Can be set forward, of a gateway that looks often; of ``stack`` if it is asked for first."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.seconds

    async def a_second_later(self, stack: Stack) -> None:
        """When the gateway has had a look, and a second is over."""
        looks = stack.reads.looks
        await stack.until(lambda: stack.reads.looks > looks + 1)
        self.seconds += 1


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> Ahead:
    clock = Ahead()
    monkeypatch.setattr("signoff_gateway.breaker.REFRESH", 0.02)
    monkeypatch.setattr("tests.support.gateway.SystemClock", lambda: clock)
    return clock


async def until(ask: Callable[[], object], wanted: int) -> httpx.Response:
    """Ask until the answer has this status: about a second, and what a busy machine needs."""
    async with asyncio.timeout(5):
        while True:
            answer = await ask()  # type: ignore[misc]
            if answer.status_code == wanted:
                return answer
            await asyncio.sleep(0.02)


def lose_the_owner(stack: Stack) -> None:
    stack.reads.owned = set()


def lose_the_database(stack: Stack) -> None:
    stack.reads.down = True


def lose_the_log(stack: Stack) -> None:
    setattr(stack.gateway._breaker._publisher, "oldest_unacknowledged_ms", lambda: 1001)  # noqa: B010


@pytest.mark.parametrize(
    ("lose", "detail"),
    [
        (lose_the_owner, "Cannot accept requests for partition 1."),
        (
            lose_the_database,
            "Expected to handle request, but there was a connection error with the database",
        ),
        (lose_the_log, "Expected to handle request, but request could not be delivered"),
    ],
)
async def test_a_loss_is_told_within_a_second_and_nothing_is_published(
    stack: Stack, lose: Callable[[Stack], None], detail: str
) -> None:
    lose(stack)

    answer = await until(lambda: stack.client.delete(f"{PATH}/assignee"), 503)
    published = len(stack.broker.entries)
    job = await stack.client.post(COMPLETION)
    status = await stack.client.get("/v2/status")

    assert answer.json() == {
        "type": "about:blank",
        "title": "UNAVAILABLE",
        "status": 503,
        "detail": detail,
        "instance": f"{PATH}/assignee",
    }
    assert answer.headers["retry-after"] == "1"
    assert (job.status_code, status.status_code) == (503, 503)
    assert len(stack.broker.entries) == published


async def test_what_comes_back_is_used_again(ahead: Ahead, stack: Stack) -> None:
    lose_the_owner(stack)
    await ahead.a_second_later(stack)
    await until(lambda: stack.client.delete(f"{PATH}/assignee"), 503)

    stack.reads.owned = None

    await until(lambda: stack.client.delete(f"{PATH}/assignee"), 204)


async def test_a_partition_without_owner_for_a_moment_refuses_nothing(
    ahead: Ahead, stack: Stack
) -> None:
    looks = stack.reads.looks
    stack.reads.owned = set()
    answers = [await stack.client.delete(f"{PATH}/assignee")]
    await stack.until(lambda: stack.reads.looks > looks + 1)  # it was seen without an owner
    answers += [await stack.client.delete(f"{PATH}/assignee")]
    stack.reads.owned = None
    looks = stack.reads.looks
    await stack.until(lambda: stack.reads.looks > looks + 1)
    answers += [await stack.client.delete(f"{PATH}/assignee")]

    assert [each.status_code for each in answers] == [204] * 3


async def test_a_partition_that_never_had_an_owner_is_refused_at_once() -> None:
    async with running(owned=set()) as stack:
        answer = await stack.client.delete(f"{PATH}/assignee")

    assert (answer.status_code, stack.broker.commands) == (503, [])


async def test_reads_say_that_the_database_is_away(stack: Stack) -> None:
    lose_the_database(stack)

    answer = await stack.client.get(PATH)

    assert (answer.status_code, answer.json()["title"]) == (503, "UNAVAILABLE")


async def test_a_gateway_that_was_held_up_itself_does_not_blame_the_database(
    ahead: Ahead, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, look = asyncio.Event(), stack.reads.cluster

    async def look_slowly() -> Cluster:
        looking.set()
        await asyncio.sleep(0.01)
        return await look()

    monkeypatch.setattr(stack.reads, "cluster", look_slowly)
    await looking.wait()
    time.sleep(1.1)  # as on a machine that is busy elsewhere, with a look under way
    stack.gateway._breaker.check(1)
    looking.clear()
    await looking.wait()  # what came of that look is known by now

    stack.gateway._breaker.check(1)


async def test_one_partition_without_owner_does_not_stop_the_other(ahead: Ahead) -> None:
    async with running(partitions=2) as stack:
        stack.reads.owned = {1}
        await ahead.a_second_later(stack)
        elsewhere = f"/v2/user-tasks/{(2 << 51) + 7}/assignee"

        await until(lambda: stack.client.delete(elsewhere), 503)

        assert (await stack.client.delete(f"{PATH}/assignee")).status_code == 204
        assert (await stack.client.get("/v2/status")).status_code == 204


async def test_tasks_of_a_partition_that_was_added_since_are_not_missed(ahead: Ahead) -> None:
    async with running() as stack:
        elsewhere = f"/v2/user-tasks/{(2 << 51) + 7}/assignee"
        before = await stack.client.delete(elsewhere)
        stack.reads.partitions = 2

        await until(lambda: stack.client.delete(elsewhere), 503)

        assert before.status_code == 404


async def test_new_tasks_go_where_there_is_an_owner(ahead: Ahead) -> None:
    async with running(partitions=2) as stack:
        stack.broker.answer = lambda _: Outcome(
            status=OutcomeStatus.APPLIED,
            result={"task_key": 1, "process_instance_key": 2, "element_instance_key": 3},
        )
        stack.reads.owned = {1}
        elsewhere = f"/v2/user-tasks/{(2 << 51) + 7}/assignee"
        await ahead.a_second_later(stack)
        await until(lambda: stack.client.delete(elsewhere), 503)

        answers = [await stack.client.post("/v2/user-tasks", json={}) for _ in range(4)]

        assert [each.status_code for each in answers] == [201] * 4


async def failing(stack: Stack, error: Exception) -> None:
    """The log takes nothing any more, in this way."""

    def publish(*_: object) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_exception(error)
        return future

    setattr(stack.gateway._sender._publisher, "publish", publish)  # noqa: B010


async def test_what_is_too_large_for_the_log_is_413_and_frees_its_place(stack: Stack) -> None:
    await failing(stack, EntryTooLarge())

    answer = await stack.client.delete(f"{PATH}/assignee")

    assert (answer.status_code, answer.json()["title"]) == (413, "Content Too Large")
    assert stack.gateway._admission.in_flight(1) == 0


async def test_a_log_that_goes_while_it_is_handed_over_leaves_the_outcome_unknown(
    hasty: Stack,
) -> None:
    await failing(hasty, LogUnavailable())

    answer = await hasty.client.delete(f"{PATH}/assignee")

    assert (answer.status_code, answer.json()["title"]) == (504, "DEADLINE_EXCEEDED")


async def test_a_look_that_fails_as_nobody_thought_of_is_not_the_last(
    ahead: Ahead, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Event()

    async def fail() -> None:
        looked.set()
        raise ZeroDivisionError

    look = stack.reads.cluster
    monkeypatch.setattr(stack.reads, "cluster", fail)
    await looked.wait()
    ahead.seconds += 1
    await until(lambda: stack.client.get("/v2/status"), 503)
    monkeypatch.setattr(stack.reads, "cluster", look)
    await until(lambda: stack.client.get("/v2/status"), 204)


async def test_a_look_that_does_not_end_when_it_is_given_up_is_silence_too(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a connection to a server that stands still, which is first told to stop."""

    async def stuck() -> Cluster:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(2.5)
        raise AssertionError

    monkeypatch.setattr(stack.reads, "cluster", stuck)
    began = time.monotonic()

    await until(lambda: stack.client.patch(PATH, json={"action": "x"}), 503)

    assert time.monotonic() - began < 2.5

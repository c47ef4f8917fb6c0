"""Idempotency keys: the same request is the same command."""

from signoff_gateway.idempotency import part_of
from signoff_process.clock import SystemClock
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus
from tests.support.gateway import APPLIED, TASK, Stack, rejected, running

PATH = f"/v2/user-tasks/{TASK}"
MADE = Outcome(
    status=OutcomeStatus.APPLIED,
    result={"task_key": 1, "process_instance_key": 2, "element_instance_key": 3},
)


async def test_a_key_gives_the_same_command_id_and_its_body_a_fingerprint(stack: Stack) -> None:
    for action in ("x", "x", "y"):
        await stack.client.patch(
            PATH, json={"action": action}, headers={"Idempotency-Key": "key-1"}
        )

    first, again, other = stack.broker.commands
    assert first.id == again.id == other.id
    assert first.request_id != again.request_id
    assert first.fingerprint == again.fingerprint != other.fingerprint


async def test_a_query_is_part_of_what_a_request_asks_for(stack: Stack) -> None:
    for query in ("complete=true&x=1", "x=1&complete=true", "complete=false&x=1"):
        await stack.client.patch(
            f"{PATH}?{query}", json={"action": "x"}, headers={"Idempotency-Key": "key-1"}
        )

    first, again, other = (each.fingerprint for each in stack.broker.commands)
    assert first == again != other


async def test_a_form_has_the_same_fingerprint_whatever_its_boundary(stack: Stack) -> None:
    for boundary, text in (("b1", "hello"), ("b2", "hello"), ("b3", "goodbye")):
        await stack.client.post(
            "/v2/deployments",
            files={"resources": ("readme.txt", text)},
            headers={
                "Idempotency-Key": "key-1",
                "Content-Type": f"multipart/form-data; boundary={boundary}",
            },
        )

    first, again, other = (each.fingerprint for each in stack.broker.commands)
    assert first == again != other


async def test_another_key_method_or_path_is_another_command(stack: Stack) -> None:
    for method, path, key in (
        ("PATCH", PATH, "a"),
        ("PATCH", PATH, "b"),
        ("POST", f"{PATH}/completion", "a"),
        ("PATCH", f"/v2/user-tasks/{TASK + 1}", "a"),
    ):
        await stack.client.request(
            method, path, json={"action": "x"}, headers={"Idempotency-Key": key}
        )

    assert len({each.id for each in stack.broker.commands}) == 4


def test_the_number_of_a_command_that_is_told_by_names_is_the_same_in_every_process() -> None:
    assert part_of("a", "b", 1) == 216904642514510792010011300811535639
    assert len({part_of("a", "b"), part_of("ab"), part_of("a", "b", ""), part_of("b", "a")}) == 4


async def test_without_a_key_every_request_is_a_command_of_its_own(stack: Stack) -> None:
    for _ in range(2):
        await stack.client.patch(PATH, json={"action": "x"})

    first, second = stack.broker.commands
    assert first.id != second.id
    assert first.fingerprint == second.fingerprint == ""


async def test_another_body_under_the_key_is_422(stack: Stack) -> None:
    stack.broker.answer = lambda _: rejected(
        RejectionType.CONFLICTING_REUSE, Code.COMMAND_REUSED, id="c1-a"
    )

    answer = await stack.client.patch(
        PATH, json={"action": "x"}, headers={"Idempotency-Key": "key-1"}
    )

    assert (answer.status_code, answer.json()["title"]) == (422, "CONFLICTING_REUSE")


async def test_keyed_creations_stay_at_their_partition_and_others_go_round() -> None:
    async with running(partitions=4) as stack:
        stack.broker.answer = lambda _: MADE
        for _ in range(8):
            await stack.client.post("/v2/user-tasks", json={})
        unkeyed = [each.partition for each in stack.broker.commands]
        for _ in range(4):
            answer = await stack.client.post(
                "/v2/user-tasks", json={}, headers={"Idempotency-Key": "k"}
            )
            assert answer.status_code == 201
        keyed = stack.broker.commands[8:]

    assert sorted(unkeyed) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert len({(each.partition, each.id) for each in keyed}) == 1


async def test_keyed_creations_stay_on_the_partitions_of_the_beginning() -> None:
    async with running(partitions=2) as stack:
        stack.broker.answer = lambda _: MADE
        stack.reads.added_at[2] = SystemClock().now_ms() - 30 * 24 * 3_600_000
        stack.gateway._breaker.cluster = await stack.reads.cluster()
        for number in range(20):
            headers = {"Idempotency-Key": str(number)}
            await stack.client.post("/v2/user-tasks", json={}, headers=headers)

        assert {each.partition for each in stack.broker.commands} == {1}


async def test_a_key_that_is_none_is_refused(stack: Stack) -> None:
    for key in ("", "x" * 256):
        answer = await stack.client.patch(
            PATH, json={"action": "x"}, headers={"Idempotency-Key": key}
        )
        assert (answer.status_code, answer.json()["title"]) == (400, "INVALID_ARGUMENT")
    stack.broker.answer = lambda _: APPLIED
    answer = await stack.client.patch(
        PATH, json={"action": "x"}, headers={"Idempotency-Key": "x" * 255}
    )
    assert answer.status_code == 204

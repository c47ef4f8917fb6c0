"""What became of a command, and settling one whose outcome nobody knows: additions of ours."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from pydantic.alias_generators import to_camel

from signoff_gateway.commands import known_partition
from signoff_gateway.dialects.camunda.answers import (
    NotFound,
    json_answer,
    rejection_problem,
    result_of,
)
from signoff_gateway.exchange import Answer, Call
from signoff_gateway.ports import OutcomeReader
from signoff_gateway.reads import CommandStatus
from signoff_gateway.sending import Sender
from signoff_schemas.commands import Withdraw
from signoff_schemas.principal import ADMIN
from signoff_schemas.replies import Outcome

_NAMES: Final = {"task_key": "userTaskKey"}
"""Members that have another name here than in the engine."""
_NOT_SHOWN: Final = frozenset({"work", "logged", "at", "updated_at"})
"""What the answer to a claim is made of: the task itself tells."""


class CommandOutcomes:
    """The endpoints for callers that were told 504."""

    def __init__(self, sender: Sender, outcomes: OutcomeReader, partitions: int) -> None:
        self._sender = sender
        self._outcomes = outcomes
        self._partitions = partitions

    async def get(self, call: Call) -> Answer:
        """GET /commands/{commandId}."""
        identifier, _ = self._named(call)
        status = await self._status(call, identifier)
        return json_answer(_described(identifier, status.state.value, status.outcome))

    async def withdraw(self, call: Call) -> Answer:
        """POST /commands/{commandId}/withdrawal: 200 with the status that is now final."""
        identifier, partition = self._named(call)
        if ADMIN not in call.principal.roles:
            await self._status(call, identifier)
        settled = await self._sender.ask(call, Withdraw(target=identifier), partition=partition)
        status = str(result_of(settled)["status"])
        return json_answer(
            {"commandId": identifier, "status": status}, command_id=settled.command_id
        )

    async def _status(self, call: Call, identifier: str) -> CommandStatus:
        """Of a command of the caller's own; those of others look as if there were none."""
        status = await self._outcomes.command(identifier)
        caller = call.principal
        if ADMIN in caller.roles or status.principal in {"", caller.id}:
            return status
        raise _unknown(identifier)

    def _named(self, call: Call) -> tuple[str, int]:
        identifier = call.params["commandId"]
        partition = known_partition(identifier, self._partitions)
        if partition is None:
            raise _unknown(identifier)
        return identifier, partition


def _unknown(identifier: str) -> NotFound:
    return NotFound(f"Command with id '{identifier}' not found")


def _described(identifier: str, status: str, outcome: Outcome | None) -> dict[str, object]:
    rejection = None if outcome is None else outcome.rejection
    described: dict[str, object] = {"commandId": identifier, "status": status}
    described["result"] = None if outcome is None else _named_result(outcome.result)
    described["rejection"] = None
    if rejection is not None:
        code, title, detail = rejection_problem(rejection)
        described["rejection"] = {"status": code, "title": title, "detail": detail}
    return described


def _named_result(value: object, name: str = "") -> object:
    """A result in the dialect's words: camelCase, and keys as strings."""
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value)
        return {
            _NAMES.get(each) or to_camel(each): _named_result(inner, each)
            for each, inner in members.items()
            if each not in _NOT_SHOWN
        }
    if isinstance(value, list | tuple):
        return [_named_result(each) for each in cast("Sequence[object]", value)]
    return str(value) if name.endswith("_key") and value is not None else value

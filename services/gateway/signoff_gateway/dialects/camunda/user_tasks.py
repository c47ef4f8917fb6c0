"""Commands on user tasks: update, assign, claim, unassign, complete."""

from typing import Final

from signoff_gateway.dialects.camunda.answers import InvalidArgument, no_content
from signoff_gateway.dialects.camunda.attributes import AttributeReader
from signoff_gateway.dialects.camunda.user_task_models import (
    AssignmentBody,
    Changeset,
    CompletionBody,
    UpdateBody,
    VariablesBody,
)
from signoff_gateway.dialects.camunda.validation import (
    check_operation_reference,
    check_variables,
    read,
    read_optional,
    sentences,
)
from signoff_gateway.exchange import Answer, Call
from signoff_gateway.sending import Sender
from signoff_schemas.commands import AssignTask, ClaimTask, CompleteTask, SetVariables, UpdateTask

_NO_UPDATE: Final = (
    'No update data provided. Provide at least an "action" or a non-null value for a supported '
    'attribute in the "changeset".'
)


class UserTaskCommands:
    """Endpoints that change a task; each is answered when the change is in effect, or refused."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def update(self, call: Call) -> Answer:
        """PATCH /user-tasks/{key}."""
        body = read_optional(UpdateBody, call.body)
        attributes = AttributeReader()
        if body.changeset is not None:
            _read_changeset(attributes, body.changeset)
        if body.action is None and not attributes.changes and not attributes.problems:
            raise InvalidArgument(_NO_UPDATE)
        sentences(attributes.problems)
        command = UpdateTask(
            task_key=call.key,
            changes=attributes.changes,
            action="update" if body.action is None else body.action,
        )
        return no_content(await self._sender.ask(call, command))

    async def assign(self, call: Call) -> Answer:
        """POST /user-tasks/{key}/assignment: a claim if it may not override."""
        body = read(AssignmentBody, call.body)
        if body.assignee is None or not body.assignee.strip():
            raise InvalidArgument("No assignee provided")
        action = "assign" if body.action is None else body.action
        kind = ClaimTask if body.allow_override is False else AssignTask
        command = kind(task_key=call.key, assignee=body.assignee, action=action)
        return no_content(await self._sender.ask(call, command))

    async def unassign(self, call: Call) -> Answer:
        """DELETE /user-tasks/{key}/assignee."""
        command = AssignTask(task_key=call.key, assignee="", action="unassign")
        return no_content(await self._sender.ask(call, command))

    async def complete(self, call: Call) -> Answer:
        """POST /user-tasks/{key}/completion."""
        body = read_optional(CompletionBody, call.body)
        command = CompleteTask(
            task_key=call.key,
            variables=check_variables(body.variables),
            action="complete" if body.action is None else body.action,
        )
        return no_content(await self._sender.ask(call, command))

    async def set_variables(self, call: Call) -> Answer:
        """PUT /element-instances/{key}/variables."""
        body = read(VariablesBody, call.body)
        check_operation_reference(body.operation_reference)
        if body.variables is None:
            raise InvalidArgument("No variables provided.")
        command = SetVariables(
            scope_key=call.key,
            variables=check_variables(body.variables),
            local=bool(body.local),
        )
        return no_content(await self._sender.ask(call, command))


def _read_changeset(attributes: AttributeReader, changeset: Changeset) -> None:
    attributes.texts("candidate_groups", changeset.candidate_groups)
    attributes.texts("candidate_users", changeset.candidate_users)
    attributes.date("due_date", "due date", changeset.due_date)
    attributes.date("follow_up_date", "follow-up date", changeset.follow_up_date)
    attributes.priority(changeset.priority)

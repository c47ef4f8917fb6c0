"""Human tasks: get, claim, release, skip, reassign, update, complete, delete."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final, cast

from pydantic import TypeAdapter

from signoff_gateway.dialects.orkes import permissions
from signoff_gateway.dialects.orkes.answers import (
    BadRequest,
    NotFound,
    json_answer,
    result_of,
    void,
)
from signoff_gateway.dialects.orkes.claims import Claim
from signoff_gateway.dialects.orkes.conductor_task import conductor_task
from signoff_gateway.dialects.orkes.entries import entry, form_of
from signoff_gateway.dialects.orkes.forms import Forms
from signoff_gateway.dialects.orkes.loading import TaskLoader, seen_by
from signoff_gateway.dialects.orkes.people import person_of
from signoff_gateway.dialects.orkes.saved_output import must_fit, saving
from signoff_gateway.dialects.orkes.several import ask_all
from signoff_gateway.dialects.orkes.task_models import AssignmentBody
from signoff_gateway.dialects.orkes.validation import (
    Query,
    query_of,
    read_as,
    read_many,
    read_object,
)
from signoff_gateway.exchange import Answer, BodyKind, Call, Handler, Place, Route
from signoff_gateway.reads import Reads, ReadsError
from signoff_gateway.reads.work import WorkTaskRow
from signoff_gateway.refusals import OutcomeUnknown
from signoff_gateway.sending import Sender
from signoff_schemas.ids import key_of_uuid, partition_of
from signoff_schemas.limits import TEXT_MAX, unstorable_text
from signoff_schemas.work import Assignment, Person, Work
from signoff_schemas.work_commands import (
    ReassignTask,
    ReleaseTask,
    RemoveTask,
    SkipAssignment,
    TakeTask,
)

MISSING: Final = 400
"""Of a command on a task that is not there: only reading, and updating by name, say 404."""
_TASK: Final = "/api/human/tasks/{taskId}"
_WORK: Final = TypeAdapter(Work)


GroupsOf = Callable[[str], Awaitable[tuple[str, ...]]]
"""Looks up the directory: the groups that a user belongs to; none of a user that is not known."""


class HumanTasks:
    """Endpoints of single tasks; a change is answered when it is in effect, or refused.

    Args:
        sender: Takes commands.
        reads: The read side.
        forms: The user forms.
        groups_of: Tells the groups of users that applications claim for.
    """

    def __init__(self, sender: Sender, reads: Reads, forms: Forms, groups_of: GroupsOf) -> None:
        self._sender = sender
        self._reads = reads
        self._forms = forms
        self._groups_of = groups_of
        self._loader = TaskLoader(reads)

    def routes(self) -> Iterable[Route]:
        """All but the searches."""
        yield Route("GET", _TASK, self.get)
        yield Route("GET", f"{_TASK}/conductorTask", self.get_conductor_task)
        yield _keyed(f"{_TASK}/claim", self.claim)
        yield _keyed(f"{_TASK}/externalUser/{{userId}}", self.claim_for)
        yield _keyed(f"{_TASK}/release", self.release)
        yield _keyed(f"{_TASK}/skip", self.skip)
        yield _keyed(f"{_TASK}/reassign", self.reassign, body=BodyKind.UNTYPED_JSON)
        for method in ("POST", "PUT"):
            yield _keyed(f"{_TASK}/update", self.update, method, body=BodyKind.UNTYPED_JSON)
            yield Route(
                method,
                "/api/human/tasks/update/taskRef",
                self.update_by_reference,
                body=BodyKind.UNTYPED_JSON,
                may_wait=True,
            )
        delete = "/api/human/tasks/delete"
        yield _keyed(f"{delete}/{{taskId}}", self.delete, "DELETE", sheddable=False)
        yield Route("DELETE", delete, self.delete_many, body=BodyKind.UNTYPED_JSON, sheddable=False)
        yield Route("GET", "/api/human/template/{humanTaskId}", self.get_template)

    async def get(self, call: Call) -> Answer:
        """GET /human/tasks/{taskId}."""
        with_template = query_of(call).flag("withTemplate")
        task = await self._seen(call, call.params["taskId"])
        if task is None:
            raise NotFound(_no_task(call.params["taskId"]))
        template = await self._template(task) if with_template else None
        return json_answer(entry(task, template=template))

    async def get_conductor_task(self, call: Call) -> Answer:
        """GET …/conductorTask."""
        return json_answer(conductor_task(await self._must_be_there(call, call.params["taskId"])))

    async def get_template(self, call: Call) -> Answer:
        """GET /human/template/{humanTaskId}: the form that a task uses."""
        identifier = call.params["humanTaskId"]
        template = await self._template(await self._must_be_there(call, identifier))
        if template is None:
            raise NotFound(f"Human task {identifier} has no user form")
        return json_answer(template)

    async def claim(self, call: Call) -> Answer:
        """POST …/claim: by the caller, for himself."""
        query, caller = query_of(call), call.principal
        command = TakeTask(
            task_key=call.key,
            claimant=Person(caller.id),
            claimant_groups=caller.groups,
            override=query.flag("overrideAssignment"),
            access=permissions.of_claim(),
        )
        return await self._claimed(call, query, command)

    async def claim_for(self, call: Call) -> Answer:
        """POST …/externalUser/{userId}: by an application, for one of its users."""
        query, user = query_of(call), call.params["userId"]
        if not user.strip() or unstorable_text(user, 500):
            raise BadRequest("The user id must be a text of 1 to 500 characters")
        command = TakeTask(
            task_key=call.key,
            claimant=Person(user, external=True),
            claimant_groups=await self._groups_of(user),
            override=query.flag("overrideAssignment"),
            access=permissions.of_external_claim(call.principal),
        )
        return await self._claimed(call, query, command)

    async def release(self, call: Call) -> Answer:
        """POST …/release."""
        access = permissions.of_work(call.principal)
        settled = await self._sender.ask(call, ReleaseTask(task_key=call.key, access=access))
        return void(settled, missing=MISSING)

    async def skip(self, call: Call) -> Answer:
        """POST …/skip."""
        reason = query_of(call).text("reason")
        if len(reason) > TEXT_MAX:
            raise BadRequest(f"The reason is longer than {TEXT_MAX} characters")
        access = permissions.of_skip(call.principal)
        command = SkipAssignment(task_key=call.key, reason=reason, access=access)
        return void(await self._sender.ask(call, command), missing=MISSING)

    async def reassign(self, call: Call) -> Answer:
        """POST …/reassign."""
        chain = read_many(AssignmentBody, call.body)
        command = ReassignTask(
            task_key=call.key,
            assignments=tuple(
                Assignment(person_of(each.assignee.user_type, each.assignee.user), each.sla_minutes)
                for each in chain
            ),
            access=permissions.of_reassignment(),
        )
        return void(await self._sender.ask(call, command), missing=MISSING)

    async def update(self, call: Call) -> Answer:
        """POST …/update: with ``complete=true`` the end of the task."""
        complete = query_of(call).flag("complete")
        output = read_object(call.body)
        task = await self._loader.task(call, call.key)
        return await self._update(call, call.key, task, output, complete=complete)

    async def update_by_reference(self, call: Call) -> Answer:
        """POST /human/tasks/update/taskRef: the same, by workflow and reference name."""
        query = query_of(call)
        workflow, name = query.required("workflowId"), query.required("taskRefName")
        complete, iterations = query.flag("complete"), query.numbers("iteration")
        output = read_object(call.body)
        key = key_of_uuid(workflow)
        # There are no loops: whatever there is, is of the first iteration.
        is_first = all(each in {0, 1} for each in iterations)
        task = None
        if key is not None and is_first:
            task = await self._reads.work_task_at(key, name, call.principal.tenants)
        if task is None:
            raise NotFound(f"No human task found by workflow id {workflow} and reference {name}")
        return await self._update(call, task.key, task, output, complete=complete)

    async def delete(self, call: Call) -> Answer:
        """DELETE /human/tasks/delete/{taskId}: does not advance the workflow."""
        command = RemoveTask(task_key=call.key, access=permissions.of_deletion())
        return void(await self._sender.ask(call, command), missing=MISSING)

    async def delete_many(self, call: Call) -> Answer:
        """DELETE /human/tasks/delete: all of them are tried, and the first refusal is told."""
        identifiers = cast("list[str]", read_as(list[str], call.body))
        keys = [_key(each) for each in dict.fromkeys(identifiers)]
        access = permissions.of_deletion()
        commands = [(RemoveTask(task_key=key, access=access), partition_of(key)) for key in keys]
        await ask_all(self._sender, call, commands, missing=MISSING)
        return Answer(200)

    async def _update(
        self,
        call: Call,
        key: int,
        task: WorkTaskRow | None,
        output: dict[str, object],
        *,
        complete: bool,
    ) -> Answer:
        if task is not None:
            await must_fit(self._forms, call.principal, task, output, complete=complete)
        command = saving(call.principal, key, output, complete=complete)
        settled = await self._sender.ask(call, command, partition=partition_of(key))
        return void(settled, missing=MISSING)

    async def _claimed(self, call: Call, query: Query, command: TakeTask) -> Answer:
        with_template = query.flag("withTemplate")
        # The task is read while the claim is under way: that takes as long.
        reading = self._loader.ask(command.task_key)
        settled = await self._sender.ask(call, command)
        claim = _claim(call, result_of(settled, missing=MISSING))
        try:
            claimed = await self._as_claimed(call, command.task_key, claim, reading)
            if claimed is None:  # kept for no longer than the answer took
                raise OutcomeUnknown(settled.command_id)
            template = await self._template(claimed) if with_template else None
        except ReadsError as error:
            # The claim is in effect: no answer may say otherwise.
            raise OutcomeUnknown(settled.command_id) from error
        # When it was changed before: a habit of the original that clients may know.
        shown = entry(claimed, template=template, updated_on=claim.updated_before)
        return json_answer(shown, command_id=settled.command_id)

    async def _as_claimed(
        self, call: Call, key: int, claim: Claim, reading: "asyncio.Future[WorkTaskRow | None]"
    ) -> WorkTaskRow | None:
        """The task as the claim left it, whatever has happened to it before and since."""
        with suppress(ReadsError):
            task = seen_by(call, await asyncio.shield(reading))
            if task is not None and (found := claim.of_task_before(task)):
                return found
        task = await self._loader.task(call, key)
        return None if task is None else claim.of_task_after(task)

    async def _template(self, task: WorkTaskRow) -> dict[str, object] | None:
        form = form_of(task)
        return None if form is None else await self._forms.template(*form)

    async def _seen(self, call: Call, identifier: str) -> WorkTaskRow | None:
        """A task that the caller may see; None if there is none. Raises: Forbidden."""
        key = key_of_uuid(identifier)
        task = None if key is None else await self._loader.task(call, key)
        if task is not None:
            permissions.must_see(call.principal, task)
        return task

    async def _must_be_there(self, call: Call, identifier: str) -> WorkTaskRow:
        task = await self._seen(call, identifier)
        if task is None:
            raise BadRequest(_no_task(identifier))
        return task


def _claim(call: Call, result: dict[str, object]) -> Claim:
    return Claim(
        work=_WORK.validate_python(result["work"]),
        at=cast("int", result["at"]),
        by=call.principal.id,
        logged=cast("int", result["logged"]),
        updated_before=cast("int", result["updated_at"]),
    )


def _no_task(identifier: str) -> str:
    return f"No such human task found by id: {identifier[:100]}"


def _key(identifier: str) -> int:
    key = key_of_uuid(identifier)
    if key is None:
        raise BadRequest(_no_task(identifier))
    return key


def _keyed(
    template: str,
    handle: Handler,
    method: str = "POST",
    *,
    body: BodyKind = BodyKind.NONE,
    sheddable: bool = True,
) -> Route:
    """A command on a task, which may run listeners."""
    return Route(
        method,
        template,
        handle,
        body=body,
        place=Place.KEY,
        key="taskId",
        sheddable=sheddable,
        may_wait=True,
    )

"""What workers and others say of tasks: completed, failed, or still in progress."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, cast, get_args

from signoff_gateway.dialects.orkes.answers import (
    BadRequest,
    NotFound,
    Rejected,
    json_answer,
    result_of,
)
from signoff_gateway.dialects.orkes.definition_rights import may_see_queue, must_have_defined
from signoff_gateway.dialects.orkes.forms import Forms
from signoff_gateway.dialects.orkes.listener_results import listener_result
from signoff_gateway.dialects.orkes.polling import RESPONSE_MS
from signoff_gateway.dialects.orkes.saved_output import ENDED, must_fit, saving
from signoff_gateway.dialects.orkes.validation import query_of, read, read_object
from signoff_gateway.dialects.orkes.workflow_models import TaskResultBody
from signoff_gateway.dialects.orkes.workflow_results import SAVED_OUTPUT, task_id_of, task_results
from signoff_gateway.dialects.orkes.workflows import execution, find_execution, id_answer
from signoff_gateway.exchange import Answer, BodyKind, Call, Handler, Route
from signoff_gateway.reads import Condition, Entity, Operator, Page, Reads, SearchQuery
from signoff_gateway.reads.work import WorkTaskRow
from signoff_gateway.sending import Answered, Sender
from signoff_schemas.commands import Command, UpdateJob
from signoff_schemas.documents import RULES
from signoff_schemas.frozen import frozen
from signoff_schemas.ids import key_of_uuid, partition_of, uuid_of
from signoff_schemas.limits import TEXT_MAX, unstorable_variables
from signoff_schemas.rejections import Code
from signoff_schemas.results import CompleteJob, FailJob

TYPES_MAX: Final = 50
_TASKS: Final = "/api/tasks"
Status = Literal["IN_PROGRESS", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "COMPLETED"]
_STATUSES: Final[Mapping[str, Status]] = {each: each for each in get_args(Status)}


@frozen
class _Update:
    """A task and what is said of it."""

    key: int
    status: Status
    output: dict[str, object]
    reason: str = ""
    pause_ms: int = 0
    extend: bool = False


class TaskUpdates:
    """Endpoints that settle or show one task, of a worker or of a person.

    Args:
        sender: Takes commands.
        reads: The read side.
        forms: The user forms.
    """

    def __init__(self, sender: Sender, reads: Reads, forms: Forms) -> None:
        self._sender = sender
        self._reads = reads
        self._forms = forms

    def routes(self) -> Iterable[Route]:
        """All of them."""
        yield _freeing(_TASKS, self.update)
        yield _freeing(f"{_TASKS}/update-v2", self.update_v2)
        by_name = f"{_TASKS}/{{workflowId}}/{{taskRefName}}/{{status}}"
        yield _freeing(by_name, self.update_by_name)
        yield _freeing(f"{by_name}/sync", self.update_by_name_sync)
        yield Route("GET", f"{_TASKS}/{{taskId}}", self.get)
        yield Route("GET", f"{_TASKS}/{{taskId}}/log", self.get_log)
        yield Route("POST", f"{_TASKS}/{{taskId}}/log", self.add_log)
        yield Route("GET", f"{_TASKS}/queue/sizes", self.queue_sizes)

    async def update(self, call: Call) -> Answer:
        """POST /tasks: the task's id."""
        return id_answer(call, await self._update_as_told(call))

    async def update_v2(self, call: Call) -> Answer:
        """POST /tasks/update-v2: no next task goes with the answer; whoever has time polls."""
        await self._update_as_told(call)
        # Not 204: a widespread client takes that for a task without an id.
        return json_answer(None)

    async def update_by_name(self, call: Call) -> Answer:
        """POST /tasks/{workflowId}/{taskRefName}/{status}: the body is the output."""
        return id_answer(call, await self._update_by_name(call))

    async def update_by_name_sync(self, call: Call) -> Answer:
        """The same, and the answer is the workflow as it is then."""
        await self._update_by_name(call)
        view = await find_execution(self._reads, call, call.params["workflowId"])
        return json_answer(await execution(self._reads, call, view, include_tasks=True))

    async def get(self, call: Call) -> Answer:
        """GET /tasks/{taskId}."""
        identifier = call.params["taskId"]
        key = key_of_uuid(identifier)
        instance = None if key is None else await self._instance_of(call, key)
        if key is not None and instance is not None:
            view = await find_execution(self._reads, call, uuid_of(instance))
            human = await self._reads.work_tasks([key], call.principal.tenants)
            for task in task_results(view, human):
                if task["taskId"] == identifier.lower():
                    return json_answer(task)
        raise _unknown(identifier)

    async def get_log(self, call: Call) -> Answer:
        """GET /tasks/{taskId}/log: none is kept."""
        del call
        return json_answer([])

    async def add_log(self, call: Call) -> Answer:
        """POST /tasks/{taskId}/log."""
        raise BadRequest(f"Logs of tasks are not kept ({call.params['taskId'][:100]})")

    async def queue_sizes(self, call: Call) -> Answer:
        """GET /tasks/queue/sizes: how many tasks of each type wait for a worker."""
        kinds = query_of(call).texts("taskType")
        if len(kinds) > TYPES_MAX:
            raise BadRequest(f"More than {TYPES_MAX} task types")
        for kind in kinds:
            if not may_see_queue(call.principal, kind):
                found = await self._reads.documents(RULES, kind)
                must_have_defined(call.principal, kind, found)
        sizes = {kind: await self._waiting(call, kind) for kind in dict.fromkeys(kinds)}
        return json_answer(sizes)

    async def _waiting(self, call: Call, kind: str) -> int:
        conditions = (
            Condition("job_type", Operator.EQ, kind),
            Condition("ended_at", Operator.EXISTS, value=False),
            Condition("deadline", Operator.EXISTS, value=False),
            Condition("retries", Operator.GT, 0),
        )
        search = SearchQuery(conditions, page=Page(limit=1))
        found = await self._reads.search(Entity.JOBS, search, call.principal.tenants)
        return found.total

    # -- updates -----------------------------------------------------------------------------

    async def _update_as_told(self, call: Call) -> str:
        body = read(TaskResultBody, call.body)
        if body.external_output_payload_storage_path:
            raise BadRequest("externalOutputPayloadStoragePath is not supported")
        key = key_of_uuid(body.task_id)
        if key is None:
            raise _unknown(body.task_id)
        update = _Update(
            key,
            body.status,
            _output(body.output_data or {}),
            (body.reason_for_incompletion or "")[:TEXT_MAX],
            (body.callback_after_seconds or 0) * 1000,
            extend=body.extend_lease is True,
        )
        await self._update(call, update)
        return body.task_id

    async def _update_by_name(self, call: Call) -> str:
        name, given = call.params["taskRefName"], call.params["status"]
        status = _STATUSES.get(given)
        if status is None:
            raise BadRequest(f"Failed to convert 'status' with value: '{given[:100]}'")
        output = _output(read_object(call.body))
        view = await find_execution(self._reads, call, call.params["workflowId"])
        elements = [each for each in view.elements if each.node_id == name]
        if not elements:
            raise NotFound(
                f"Found no running task {name} of workflow {call.params['workflowId']} to update"
            )
        identifier = task_id_of(elements[-1])
        key = cast("int", key_of_uuid(identifier))
        await self._update(call, _Update(key, status, output))
        return identifier

    async def _update(self, call: Call, update: _Update) -> None:
        """A job's task, or a person's: an id does not tell, and most are jobs."""
        try:
            await self._update_job(call, update)
        except Rejected as refusal:
            if refusal.rejection.code is not Code.JOB_NOT_FOUND:
                raise
            await self._update_other(call, update)

    async def _update_job(self, call: Call, update: _Update) -> None:
        key = update.key
        match update.status:
            case "COMPLETED":
                await self._complete_job(call, update)
            case "IN_PROGRESS" if update.extend:
                await self._extend(call, key)
            case "IN_PROGRESS":
                await self._postpone(call, update)
            case "FAILED":
                await self._fail(call, update, None)
            case "FAILED_WITH_TERMINAL_ERROR":
                await self._fail(call, update, 0)

    async def _complete_job(self, call: Call, update: _Update) -> None:
        command = CompleteJob(job_key=update.key, variables=update.output)
        try:
            await self._ask(call, update.key, command)
        except Rejected as refusal:
            if refusal.rejection.code is not Code.JOB_LISTENER_VARIABLES:
                raise
            # The job of a task listener: its output is the verdict.
            verdict = listener_result(update.output)
            await self._ask(
                call, update.key, CompleteJob(job_key=update.key, result=verdict), part=1
            )

    async def _fail(self, call: Call, update: _Update, retries: int | None) -> None:
        """Without a number it is the engine that counts, and the task definition says when."""
        command = FailJob(job_key=update.key, retries=retries, error_message=update.reason)
        await self._ask(call, update.key, command)

    async def _postpone(self, call: Call, update: _Update) -> None:
        """Back into the queue, after a while: no attempt is lost, and what was said is kept."""
        row = await self._reads.job(update.key, call.principal.tenants)
        command = FailJob(
            job_key=update.key,
            retries=1 if row is None else max(row.retries, 1),
            back_off_ms=update.pause_ms,
            variables={SAVED_OUTPUT: update.output} if update.output else {},
        )
        await self._ask(call, update.key, command)

    async def _extend(self, call: Call, key: int) -> None:
        row = await self._reads.job(key, call.principal.tenants)
        seconds = None if row is None else await self._response_seconds(row.job_type)
        span = RESPONSE_MS if seconds is None else seconds * 1000
        await self._ask(call, key, UpdateJob(job_key=key, timeout_ms=span))

    async def _response_seconds(self, name: str) -> int | None:
        """For how long a worker has a task, if a task definition says so."""
        rules = await self._reads.documents(RULES, name)
        seconds = rules[0].content.get("responseTimeoutSeconds") if rules else None
        return seconds if isinstance(seconds, int) and seconds > 0 else None

    async def _update_other(self, call: Call, update: _Update) -> None:
        """No open job: a person's task, or something that is over, of which nothing more counts."""
        found = await self._reads.work_tasks([update.key], call.principal.tenants)
        task = found.get(update.key)
        if task is not None:
            if task.state not in ENDED:
                await self._update_human(call, update, task)
            return
        row = await self._reads.job(update.key, call.principal.tenants)
        if row is None:
            raise _unknown(uuid_of(update.key))

    async def _update_human(self, call: Call, update: _Update, task: WorkTaskRow) -> None:
        if update.status not in ("COMPLETED", "IN_PROGRESS"):
            raise BadRequest(f"A HUMAN task cannot be set to {update.status}")
        caller, output, complete = call.principal, update.output, update.status == "COMPLETED"
        await must_fit(self._forms, caller, task, output, complete=complete)
        command = saving(caller, update.key, output, complete=complete)
        await self._ask(call, update.key, command, part=2)

    async def _ask(self, call: Call, key: int, command: Command | Answered, part: int = 0) -> None:
        settled = await self._sender.ask(call, command, partition=partition_of(key), part=part)
        result_of(settled)

    async def _instance_of(self, call: Call, key: int) -> int | None:
        tenants = call.principal.tenants
        job = await self._reads.job(key, tenants)
        if job is not None:
            return job.process_instance_key
        found = await self._reads.work_tasks([key], tenants)
        return found[key].process_instance_key if key in found else None


def _output(given: dict[str, object]) -> dict[str, object]:
    if offence := unstorable_variables(given):
        raise BadRequest(f"The output of a task cannot be kept: it has {offence}")
    return given


def _unknown(identifier: str) -> NotFound:
    return NotFound(f"No such task found by id: {identifier[:100]}")


def _freeing(template: str, handle: Handler) -> Route:
    """What frees others: never refused for load."""
    return Route(
        "POST", template, handle, body=BodyKind.UNTYPED_JSON, sheddable=False, may_wait=True
    )

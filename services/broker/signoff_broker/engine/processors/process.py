"""Process instances: made, cancelled, out of time; and what follows from what happens in them.

It reacts to what happened to tasks and jobs by follow-up work in the same step; the task engine
knows nothing of it.
"""

from signoff_broker.engine import scopes
from signoff_broker.engine.definitions import find_definition
from signoff_broker.engine.draft import Draft, Failed
from signoff_broker.engine.expressions import is_expression
from signoff_broker.engine.preconditions import is_running, must_be_of_tenant, refuse
from signoff_broker.engine.processors import frames, tokens, user_task
from signoff_broker.engine.state import Definition
from signoff_schemas.commands import CancelProcess, CreateUserTask, StartProcess
from signoff_schemas.ids import key_of
from signoff_schemas.process_events import ElementTimedOut, ProcessStarted, StartSettled
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.task_events import TaskCanceled, TaskCompleted
from signoff_schemas.timers import StartTriggered, TimeOutNode
from signoff_schemas.values import ProcessReference, ProcessState, Variables
from signoff_schemas.work import Ending, TimeoutPolicy

STANDALONE_ID = "stand-alone-task"
Result = dict[str, object]


def create_task(draft: Draft, command: CreateUserTask) -> Result | Rejection:
    """Make an instance that is one task and nothing else: refused where it would get stuck."""
    if refusal := must_be_of_tenant(draft.asker.principal, command.tenant, "CREATE", "create_task"):
        return refusal
    if refusal := _must_have_its_form(draft, command):
        return refusal
    key = draft.new_key()
    draft.emit(
        ProcessStarted(
            process_instance_key=key,
            process=ProcessReference(key_of(draft.partition_id, 0), STANDALONE_ID, 1),
            tenant=command.tenant,
            tags=command.tags,
            business_id=command.business_id,
            standalone=command.node,
            started_by=draft.asker.principal.id,
            at=draft.now,
        )
    )
    scopes.set_local(draft, key, command.variables)
    tokens.begin(draft)
    task = draft.open.task
    return {
        "task_key": None if task is None else task.key,
        "process_instance_key": key,
        "element_instance_key": draft.open.process.element_instance_key,
    }


def start(draft: Draft, command: StartProcess) -> Result | Rejection:
    """Start an instance of a deployed definition."""
    if refusal := must_be_of_tenant(draft.asker.principal, command.tenant, "CREATE", "start"):
        return refusal
    definition = _definition_for(draft, command)
    if isinstance(definition, Rejection):
        return definition
    started = ProcessStarted(
        process_instance_key=draft.new_key(),
        process=definition.process,
        tenant=command.tenant,
        tags=command.tags,
        business_id=command.business_id,
        started_by=draft.asker.principal.id,
        due_at=frames.deadline(definition.graph, draft.now),
        at=draft.now,
    )
    _begin(draft, started, command.variables)
    return {
        "process_instance_key": started.process_instance_key,
        "definition_key": definition.process.definition_key,
        "process_id": definition.process.process_id,
        "version": definition.process.version,
    }


def start_triggered(draft: Draft, timer: StartTriggered) -> None:
    """Start what a trigger called for, unless that is done; a failure is settled and no more."""
    call = draft.called_for
    if call is None:
        return
    found = find_definition(draft.settings, call.tenant, call.process_id, call.version)
    if found is None:
        error = f"There is no definition '{call.process_id}' with version {call.version}."
        draft.settle_start(StartSettled(start_key=timer.start_key, error=error))
        return
    started = ProcessStarted(
        process_instance_key=call.key,
        process=found.process,
        tenant=call.tenant,
        business_id=call.business_id,
        started_by=call.started_by,
        descendants=call.descendants,
        due_at=frames.deadline(found.graph, draft.now),
        at=draft.now,
    )
    _begin(draft, started, call.variables)
    draft.settle_start(StartSettled(start_key=timer.start_key))


def cancel(draft: Draft, command: CancelProcess) -> Rejection | None:
    """Cancel an instance. It does not wait for the canceling listeners of its task."""
    instance = draft.instance
    if (
        instance is None
        or instance.process.key != command.process_instance_key
        or not is_running(instance)
    ):
        return refuse(
            RejectionType.NOT_FOUND,
            Code.PROCESS_NOT_FOUND,
            "CANCEL",
            key=command.process_instance_key,
        )
    tenant = instance.process.tenant
    if refusal := must_be_of_tenant(draft.asker.principal, tenant, "CANCEL", "cancel"):
        return refusal
    tokens.end_early(draft, Failed(Ending.TERMINATED, command.reason))
    return None


def time_out(draft: Draft, timer: TimeOutNode) -> None:
    """Node or instance is late: end the instance, or begin the node again."""
    instance = draft.instance
    if instance is None or instance.process.key != timer.process_instance_key:
        return
    process = instance.process
    if not is_running(instance) or process.due_at is None or process.due_at > draft.now:
        return
    ends = frames.deadline(frames.definition_of(draft).graph, process.started_at)
    if ends is not None and ends <= draft.now:
        reason = "The process was not done in time."
        tokens.end_early(draft, Failed(Ending.TIMED_OUT, reason))
        return
    node = tokens.standing_at(draft)
    rule = frames.rule_of(draft, node.rule)
    # Beside a task the job is a listener's, whose tries are its own.
    work = None if instance.task is not None else instance.job
    retries = process.retries if work is None else work.retries - 1
    if rule.timeout_policy is not TimeoutPolicy.RETRY or retries <= 0:
        reason = f"'{node.id}' was not done in time."
        tokens.end_early(draft, Failed(Ending.TIMED_OUT, reason))
        return
    draft.emit(
        ElementTimedOut(
            process_instance_key=process.key,
            node_id=node.id,
            retries=retries - 1,
            due_at=ends,
            at=draft.now,
        )
    )
    tokens.clear_the_way(draft)
    if draft.open.task is None:
        tokens.begin_again(draft, failures=0 if work is None else work.failures + 1)
    else:
        user_task.cancel(draft, timed_out=True)


def follow(draft: Draft) -> None:
    """Do what follows from what happened in this step, until nothing more does."""
    seen = 0
    while draft.failure is not None or seen < len(draft.events):
        if draft.failure is not None:
            failure, draft.failure = draft.failure, None
            tokens.end_early(draft, failure)
            continue
        event = draft.events[seen]
        seen += 1
        if isinstance(event, TaskCompleted):
            tokens.leave(draft, event.variables, task_key=event.task_key)
        elif isinstance(event, TaskCanceled):
            _after_cancellation(draft, event)


def _after_cancellation(draft: Draft, event: TaskCanceled) -> None:
    """A task that was removed leaves its instance where it is."""
    if draft.open.process.state is ProcessState.TERMINATING:
        tokens.terminate(draft)
    elif draft.touched.tasks[event.task_key].timed_out:
        tokens.begin_again(draft)


def _must_have_its_form(draft: Draft, command: CreateUserTask) -> Rejection | None:
    node = command.node
    if not node.form_id or node.form_external or is_expression(node.form_id):
        return None
    if (command.tenant, node.form_id) in draft.settings.forms:
        return None
    return refuse(RejectionType.NOT_FOUND, Code.FORM_NOT_FOUND, "CREATE", form_id=node.form_id)


def _begin(draft: Draft, started: ProcessStarted, variables: Variables) -> None:
    draft.emit(started)
    frame = frames.frame_of(draft)
    if frame is not None:
        variables = frames.open_up(frame, draft.open.process, variables)
    scopes.set_local(draft, started.process_instance_key, variables)
    tokens.begin(draft)


def _definition_for(draft: Draft, command: StartProcess) -> Definition | Rejection:
    settings, key = draft.settings, command.definition_key
    if key is None:
        found = find_definition(settings, command.tenant, command.process_id, command.version)
    else:
        found = settings.definitions.get(key)
    if found is not None and found.tenant == command.tenant and not found.deleted:
        return found
    named: dict[str, object] = {"process_id": command.process_id, "version": command.version}
    if key is not None:
        named = {"key": key}
    return refuse(RejectionType.NOT_FOUND, Code.DEFINITION_NOT_FOUND, "CREATE", **named)

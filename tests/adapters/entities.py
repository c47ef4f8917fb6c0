"""Entities, steps and batches with defaults, for whoever tests a store."""

from dataclasses import replace

from signoff_broker.engine.state import (
    Incident,
    Instance,
    Job,
    Process,
    Transition,
    UserTask,
    Variable,
)
from signoff_broker.ports import Batch, StepRow
from signoff_schemas.graph import Mapping, UserTaskNode
from signoff_schemas.ids import key_of
from signoff_schemas.replies import Outcome, OutcomeStatus
from signoff_schemas.topics import Inlet
from signoff_schemas.values import (
    Attributes,
    FormReference,
    Inbox,
    IncidentState,
    IncidentType,
    JobKind,
    JobMark,
    JobState,
    Listener,
    ListenerEvent,
    ProcessReference,
    ProcessState,
    TaskProfile,
    TaskSnapshot,
    TaskState,
    Waiter,
)

HOUR = 3_600_000
NOW = 1_790_000_000_000
LISTENER = Listener(ListenerEvent.UPDATING, "check", "=retries")
STANDALONE = ProcessReference(key_of(1, 0), "stand-alone-task", 1)
APPLIED = Outcome(status=OutcomeStatus.APPLIED)
WITHDRAWN = Outcome(status=OutcomeStatus.WITHDRAWN)


def k(counter: int, partition: int = 1) -> int:
    return key_of(partition, counter)


def a_process(counter: int = 1, **changes: object) -> Process:
    process = Process(
        key=k(counter),
        process=STANDALONE,
        tenant="<default>",
        tags=("a", 'q"uo\\te,{}'),
        business_id="order-7",
        state=ProcessState.ACTIVE,
        started_at=NOW,
        standalone=UserTaskNode(
            id="approve",
            next="end",
            headers={"h": "1"},
            listeners=(LISTENER,),
            inputs=(Mapping("=a", "b"),),
        ),
        node_id="approve",
        element_instance_key=k(counter + 1),
    )
    return replace(process, **changes)  # type: ignore[arg-type]


def a_task(counter: int = 3, **changes: object) -> UserTask:
    """A task of the process ``counter - 2``, in the element instance ``counter - 1``."""
    task = UserTask(
        key=k(counter),
        element_instance_key=k(counter - 1),
        process_instance_key=k(counter - 2),
        process=STANDALONE,
        profile=TaskProfile(
            element_id="approve",
            name="Approve",
            headers={"zz": "1", "a": "2"},
            listeners=(LISTENER,),
            form=FormReference("f", "", k(900)),
            modelled_assignee="ann",
        ),
        tenant="<default>",
        tags=("a", "b"),
        business_id="order-7",
        created_at=NOW,
        state=TaskState.CREATED,
        attributes=Attributes(
            assignee="ann",
            candidate_groups=("sales", 'we"ird\\,{}', "NULL", ""),
            candidate_users=("bob",),
            due_date="2026-12-01T10:00:00+01:00",
            follow_up_date="2026-11-30T10:00:00Z",
            priority=70,
        ),
    )
    return replace(task, **changes)  # type: ignore[arg-type]


def a_transition(**changes: object) -> Transition:
    transition = Transition(
        attributes=Attributes(assignee="bob", candidate_groups=("x", "y")),
        listeners=(LISTENER, LISTENER),
        index=1,
        action="assign",
        changed=("assignee", "candidate_groups"),
        variables={"z": 1e300, "a": {"deep": [None, True, "é\u2028"]}},
        local=True,
        of_variables=True,
        command_id="c1-held",
        waiters=(Waiter("r1", Inbox(3, "g1")), Waiter("r2", Inbox(4, "g2"))),
    )
    return replace(transition, **changes)  # type: ignore[arg-type]


def a_job(counter: int = 4, instance: int = 1, **changes: object) -> Job:
    job = Job(
        key=k(counter),
        process_instance_key=k(instance),
        process=STANDALONE,
        tenant="<default>",
        job_type="check",
        kind=JobKind.TASK_LISTENER,
        listener_event=ListenerEvent.UPDATING,
        element_id="approve",
        element_instance_key=k(instance + 1),
        headers={"h": "1"},
        task=TaskSnapshot(k(instance + 2), "update", Attributes(due_date="x"), ("priority",), k(9)),
        state=JobState.ACTIVATABLE,
        mark=JobMark.CREATED,
        retries=3,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(job, **changes)  # type: ignore[arg-type]


def an_incident(counter: int = 5, instance: int = 1, **changes: object) -> Incident:
    incident = Incident(
        key=k(counter),
        process_instance_key=k(instance),
        process=STANDALONE,
        tenant="<default>",
        error_type=IncidentType.TASK_LISTENER_NO_RETRIES,
        message="no more",
        element_id="approve",
        element_instance_key=k(instance + 1),
        job_key=k(instance + 3),
        task_key=k(instance + 2),
        state=IncidentState.ACTIVE,
        created_at=NOW,
    )
    return replace(incident, **changes)  # type: ignore[arg-type]


def a_variable(counter: int = 6, instance: int = 1, **changes: object) -> Variable:
    variable = Variable(
        key=k(counter),
        process_instance_key=k(instance),
        scope_key=k(instance),
        name="amount",
        value={"z": 1, "a": [1.0, None, "ü"]},
        tenant="<default>",
    )
    return replace(variable, **changes)  # type: ignore[arg-type]


def a_step(position: int = 1, **changes: object) -> StepRow:
    step = StepRow(
        position=position,
        inlet=Inlet.COMMANDS,
        offset=position - 1,
        now=NOW + position,
        last_key=1000,
        commands_offset=position,
        results_offset=0,
    )
    return replace(step, **changes)  # type: ignore[arg-type]


def batch_of(instance: Instance | None = None, *steps: StepRow) -> Batch:
    """Everything in an instance, and one step if none is given."""
    batch = Batch(steps=list(steps) or [a_step()])
    if instance is None:
        return batch
    batch.processes[instance.process.key] = instance.process
    if instance.task is not None:
        batch.tasks[instance.task.key] = instance.task
    if instance.job is not None:
        batch.jobs[instance.job.key] = instance.job
    if instance.incident is not None:
        batch.incidents[instance.incident.key] = instance.incident
    for scope in instance.variables.values():
        batch.variables.update({each.key: each for each in scope.values()})
    return batch


def an_instance() -> Instance:
    """One with everything in it, keys 1 to 7."""
    first, second = a_variable(6), a_variable(7, scope_key=k(2), name="x", value=None)
    return Instance(
        a_process(),
        a_task(state=TaskState.UPDATING, transition=a_transition()),
        a_job(),
        an_incident(),
        {k(1): {"amount": first}, k(2): {"x": second}},
    )

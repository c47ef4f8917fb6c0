"""Incidents: where an instance got stuck, and what is tried again when they are resolved."""

from signoff_schemas.commands import (
    AssignTask,
    CancelProcess,
    CompleteTask,
    ResolveIncident,
    SetVariables,
    UpdateJob,
)
from signoff_schemas.graph import Mapping
from signoff_schemas.principal import Principal
from signoff_schemas.rejections import Code
from signoff_schemas.replies import OutcomeStatus, Waiting
from signoff_schemas.results import CompleteJob, FailJob
from signoff_schemas.values import (
    IncidentType,
    JobResult,
    JobState,
    Listener,
    ListenerEvent,
    TaskState,
)
from tests.support.engine import (
    Bench,
    a_job_node,
    a_task_node,
    listeners,
    refusal_of,
    replies_of,
    result_of,
    types_of,
)


def incident_of(bench: Bench, key: int) -> int:
    incident = bench.instance(key).incident
    assert incident is not None
    return incident.key


def test_failed_job_goes_on_after_retries_and_resolution() -> None:
    bench = Bench()
    task = bench.create(*listeners(ListenerEvent.ASSIGNING, "a"))
    bench.send(AssignTask(task_key=task, assignee="ann"))
    job = bench.job(task).key
    bench.send(FailJob(job_key=job, retries=0))
    incident = incident_of(bench, task)

    too_early = refusal_of(bench.send(ResolveIncident(incident_key=incident)))
    bench.send(UpdateJob(job_key=job, retries=1))
    in_between = bench.job(task).state
    done = bench.send(ResolveIncident(incident_key=incident))

    assert too_early.code is Code.INCIDENT_JOB_WITHOUT_RETRIES
    assert too_early.values == {"key": str(incident), "job": str(job)}
    assert in_between is JobState.FAILED
    assert types_of(done) == ["incident.resolved", "job.released"]
    assert bench.job(task).key == job
    again = refusal_of(bench.send(ResolveIncident(incident_key=incident)))
    assert again.code is Code.INCIDENT_NOT_FOUND


def test_failed_expression_of_a_listener_runs_all_listeners_again() -> None:
    bench = Bench()
    hooks = (
        Listener(ListenerEvent.ASSIGNING, "first"),
        Listener(ListenerEvent.ASSIGNING, "=second"),
    )
    process = bench.start(a_task_node(listeners=hooks))
    task = bench.instance(process).task
    assert task is not None
    assign = bench.entry(AssignTask(task_key=task.key, assignee="ann"))
    bench.submit(assign)
    done = bench.send(
        CompleteJob(job_key=bench.job(process).key, result=JobResult(corrections={"priority": 9}))
    )
    assert types_of(done)[-1] == "incident.created"
    assert bench.instance(process).job is None

    bench.send(SetVariables(scope_key=process, variables={"second": "now-known"}))
    resolved = bench.send(ResolveIncident(incident_key=incident_of(bench, process)))

    assert types_of(resolved) == [
        "incident.resolved",
        "user_task.transition_retried",
        "job.created",
    ]
    first = bench.job(process)
    assert first.job_type == "first"
    assert first.task is not None
    assert (first.task.changed, first.task.attributes.priority) == (("assignee",), 9)
    bench.send(CompleteJob(job_key=first.key))
    second = bench.job(process)
    assert second.job_type == "now-known"
    assert second.task is not None
    assert second.task.changed == ("assignee", "priority")
    last = bench.send(CompleteJob(job_key=second.key))
    assert last.answers == assign.id


def test_command_that_waits_for_an_incident_says_no_job_type() -> None:
    bench = Bench()
    task = bench.create(Listener(ListenerEvent.COMPLETING, "=missing"))
    complete = bench.entry(CompleteTask(task_key=task))

    done = bench.submit(complete)

    waiting = replies_of(done)[complete.request_id]
    assert isinstance(waiting, Waiting)
    assert waiting.job_type == ""
    incident = bench.instance(task).incident
    assert incident is not None
    assert incident.error_type is IncidentType.EXTRACT_VALUE_ERROR
    assert incident.job_key is None


def test_unrepaired_cause_raises_the_next_incident() -> None:
    bench = Bench()
    task = bench.create(Listener(ListenerEvent.COMPLETING, "=missing"))
    bench.send(CompleteTask(task_key=task))
    first = incident_of(bench, task)

    result_of(bench.send(ResolveIncident(incident_key=first)))

    assert incident_of(bench, task) != first


def test_missing_form_keeps_the_task_from_being_created() -> None:
    bench = Bench()

    process = bench.start(a_task_node(form_id="f"))

    incident = bench.instance(process).incident
    assert bench.instance(process).task is None
    assert incident is not None
    assert incident.error_type is IncidentType.FORM_NOT_FOUND
    assert (incident.task_key, incident.job_key) == (None, None)


def test_expression_may_not_give_what_cannot_be_stored() -> None:
    bench = Bench()

    process = bench.start(a_task_node(assignee="=who"), who="x" * 501)

    incident = bench.instance(process).incident
    assert incident is not None
    assert incident.error_type is IncidentType.EXTRACT_VALUE_ERROR
    assert "assignee" in incident.message


def test_unstorable_output_stops_the_token_at_the_exit_until_it_is_repaired() -> None:
    bench = Bench()
    outputs = (Mapping("=[[[deep]]]", "mapped"),)
    process = bench.start(a_task_node(outputs=outputs), a_job_node())
    task = bench.instance(process).task
    assert task is not None

    result_of(bench.send(CompleteTask(task_key=task.key, variables={"deep": nested(98)})))

    assert bench.instance(process).task is None
    incident = bench.instance(process).incident
    assert incident is not None
    assert incident.error_type is IncidentType.IO_MAPPING_ERROR
    scope = bench.instance(process).process.element_instance_key
    bench.send(SetVariables(scope_key=scope, variables={"deep": 3}))
    done = bench.send(ResolveIncident(incident_key=incident.key))
    assert "user_task.creating" not in types_of(done)
    assert bench.job(process).job_type == "work"
    assert bench.instance(process).variables[process]["mapped"].value == [[[3]]]


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def test_cancel_resolves_the_incident() -> None:
    bench = Bench()
    process = bench.start(a_task_node(priority="=missing"))

    done = bench.send(CancelProcess(process_instance_key=process))

    assert types_of(done) == [
        "process_instance.terminating",
        "incident.resolved",
        "element.left",
        "process_instance.terminated",
    ]
    assert bench.world.find(process) is None


def test_cancel_answers_who_waited_on_an_incident() -> None:
    bench = Bench()
    task = bench.create(Listener(ListenerEvent.COMPLETING, "=missing"))
    complete = bench.entry(CompleteTask(task_key=task))
    bench.submit(complete)

    done = bench.send(CancelProcess(process_instance_key=bench.instance(task).process.key))

    assert done.answers == complete.id
    assert done.answered is not None
    assert done.answered.status is OutcomeStatus.REJECTED


def test_other_tenants_see_no_incident() -> None:
    bench = Bench()
    task = bench.create(Listener(ListenerEvent.COMPLETING, "=missing"))
    bench.send(CompleteTask(task_key=task))
    stranger = Principal("eve", tenants=("other",))

    done = bench.send(ResolveIncident(incident_key=incident_of(bench, task)), principal=stranger)

    assert refusal_of(done).code is Code.INCIDENT_NOT_FOUND
    assert bench.task(task).state is TaskState.COMPLETING

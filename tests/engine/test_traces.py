"""Golden traces: what another engine did, replayed here and compared record by record.

What is compared, and what is not, is told in ``traces/README.md``.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from signoff_broker.engine.world import Step
from signoff_gateway.dialects.camunda.headers import PREFIX, job_headers
from signoff_gateway.dialects.camunda.problems import rejection_detail
from signoff_schemas import job_events as jobs
from signoff_schemas import process_events as processes
from signoff_schemas import task_events as tasks
from signoff_schemas.commands import (
    AssignTask,
    CancelProcess,
    ClaimTask,
    Command,
    CompleteTask,
    Deploy,
    ResolveIncident,
    Resource,
    SetVariables,
    StartProcess,
    UpdateJob,
    UpdateTask,
)
from signoff_schemas.events import Event
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.jobs import ActivatedJob
from signoff_schemas.rejections import Rejection
from signoff_schemas.replies import Outcome, Reply, Waiting
from signoff_schemas.results import CompleteJob, FailJob, WorkerResult
from signoff_schemas.timers import RecurJob, TimeOutJob
from signoff_schemas.values import Attributes, JobResult, JobState, Listener, ListenerEvent
from tests.support.engine import Bench, process_of

TRACES = Path(__file__).parent / "traces"
OUR_NAMES = {
    "assignee": "assignee",
    "candidateGroups": "candidate_groups",
    "candidateUsers": "candidate_users",
    "dueDate": "due_date",
    "followUpDate": "follow_up_date",
    "priority": "priority",
}
RECORD_NAMES = {
    "assignee": "assignee",
    "candidate_groups": "candidateGroupsList",
    "candidate_users": "candidateUsersList",
    "due_date": "dueDate",
    "follow_up_date": "followUpDate",
    "priority": "priority",
    "variables": "variables",
}
JOB_INTENTS = {
    jobs.JobCompleted: "COMPLETED",
    jobs.JobFailed: "FAILED",
    jobs.JobTimedOut: "TIMED_OUT",
    jobs.JobRecurred: "RECURRED_AFTER_BACKOFF",
    jobs.JobCanceled: "CANCELED",
    jobs.JobRetriesUpdated: "RETRIES_UPDATED",
}


class Replay:
    """One scenario: its steps done here, in the words of the trace."""

    def __init__(self, trace: dict[str, Any]) -> None:
        self.trace = trace
        self.bench = Bench()
        self.keys: dict[str, int] = {}
        self.jobs: dict[int, jobs.JobCreated] = {}
        self.retries: dict[int, int] = {}
        self.incidents: dict[int, jobs.IncidentCreated] = {}
        self.records: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self.step_of: dict[str, int] = {}

    def run(self) -> None:
        for told in self.trace["steps"]:
            match told["do"]:
                case "deploy":
                    self._note(self.bench.send(self._deployment(told["userTask"])), told)
                case "activateJobs":
                    self._activate(told)
                case "advanceClock":
                    self._advance(told)
                case _:
                    entry = self.bench.entry(self._command(told))
                    self.step_of[entry.id] = told["step"]
                    self._note(self.bench.submit(entry), told)

    def _deployment(self, model: dict[str, Any]) -> Deploy:
        task = UserTaskNode(
            id="review",
            next="",
            assignee=model.get("assignee", ""),
            candidate_users=model.get("candidateUsers", ""),
            candidate_groups=model.get("candidateGroups", ""),
            due_date=model.get("dueDate", ""),
            follow_up_date=model.get("followUpDate", ""),
            priority=model.get("priority", ""),
            headers=model.get("taskHeaders", {}),
            listeners=tuple(
                Listener(ListenerEvent(each["eventType"]), each["type"])
                for each in model["taskListeners"]
            ),
        )
        graph = process_of(task)
        return Deploy(resources=(Resource(name="p.bpmn", digest="d", processes=(graph,)),))

    def _command(self, told: dict[str, Any]) -> Command | WorkerResult:
        task, action = self.keys.get("task", 0), told.get("action", "")
        variables = told.get("variables", {})
        match told["do"]:
            case "createProcessInstance":
                return StartProcess(process_id="p", variables=variables)
            case "assign":
                return AssignTask(task_key=task, assignee=told["assignee"], action=action)
            case "unassign":
                return AssignTask(task_key=task, assignee="", action=action)
            case "claim":
                return ClaimTask(task_key=task, assignee=told["assignee"], action=action)
            case "update":
                changes = {OUR_NAMES[name]: value for name, value in told["changeset"].items()}
                return UpdateTask(task_key=task, changes=changes, action=action)
            case "complete":
                return CompleteTask(task_key=task, variables=variables, action=action)
            case "setVariables":
                scope = {"task element": "taskElement", "process instance": "processInstance"}
                key = self.keys[scope[told["scope"]]]
                return SetVariables(scope_key=key, variables=variables, local=told["local"])
            case "cancelProcessInstance":
                return CancelProcess(process_instance_key=self.keys["processInstance"])
            case "resolveIncident":
                return ResolveIncident(incident_key=self.keys[told["incident"]])
            case _:
                return self._about_job(told)

    def _about_job(self, told: dict[str, Any]) -> Command | WorkerResult:
        key = self.keys[told["job"]]
        if told["do"] == "updateJob":
            return UpdateJob(job_key=key, retries=told["retries"])
        if told["do"] == "failJob":
            return FailJob(
                job_key=key,
                retries=told["retries"],
                error_message=told.get("errorMessage", ""),
                back_off_ms=told.get("retryBackOff", 0),
            )
        corrections = told.get("corrections", {})
        result = JobResult(
            denied=told.get("denied", False),
            denied_reason=told.get("deniedReason", ""),
            corrections={OUR_NAMES[name]: value for name, value in corrections.items()},
        )
        return CompleteJob(job_key=key, result=result)

    def _activate(self, told: dict[str, Any]) -> None:
        waiting = [
            each.job.key
            for each in self.bench.world.instances.values()
            if each.job
            and each.job.job_type == told["type"]
            and each.job.state is JobState.ACTIVATABLE
        ]
        taken = [
            self.bench.activate(
                key, timeout_ms=told["timeout"], fetch=tuple(told.get("fetchVariable", ()))
            )
            for key in waiting[: told["maxJobs"]]
        ]
        sent = [self._sent(job) for job in taken if job is not None]
        self.answers.append({"step": told["step"], "answer": "accepted", "jobs": sent})

    def _advance(self, told: dict[str, Any]) -> None:
        self.bench.now += told["ms"]
        for instance in list(self.bench.world.instances.values()):
            if instance.job is not None and (instance.job.due_at or self.bench.now + 1) <= (
                self.bench.now
            ):
                for timer in (TimeOutJob, RecurJob):
                    self._note(self.bench.fire(timer(job_key=instance.job.key)), told)

    def _sent(self, job: ActivatedJob) -> dict[str, Any]:
        return {
            "key": self._alias(job.job_key),
            "type": job.job_type,
            "kind": job.kind.value,
            "listenerEventType": job.listener_event.value.upper() if job.listener_event else "",
            "retries": job.retries,
            "customHeaders": self._headers(job.headers, job.task),
            "variables": job.variables,
        }

    def _headers(self, model: Any, snapshot: Any) -> dict[str, str]:
        headers = job_headers(model, snapshot)
        return {name.removeprefix(PREFIX): self._aliased(text) for name, text in headers.items()}

    def _note(self, done: Step, told: dict[str, Any]) -> None:
        for event in done.events:
            self._name_keys(event)
            self.records += self._record(event)
        if told["do"] in ("deploy", "advanceClock"):
            return
        if done.outcome is not None and done.outcome.rejection is not None:
            self.records += self._rejected(done.outcome.rejection, told)
        for out in done.messages:
            assert isinstance(out.message, Reply | Waiting)
            if isinstance(out.message, Reply):
                self._answer(self.step_of[out.message.command_id], told, out.message.outcome)

    def _answer(self, step: int, told: dict[str, Any], outcome: Outcome) -> None:
        answer: dict[str, Any] = {"step": step}
        if step != told["step"]:
            answer["answeredAfterStep"] = told["step"]
        answer["answer"] = "accepted"
        if outcome.rejection is not None:
            answer["answer"] = "rejected"
            answer["type"] = outcome.rejection.type.value
            answer["text"] = self._aliased(rejection_detail(outcome.rejection)).strip()
        self.answers.append(answer)

    def _name_keys(self, event: Event) -> None:
        match event:
            case tasks.TaskCreating():
                self.keys["task"] = event.task_key
            case processes.ElementEntered():
                self.keys["taskElement"] = event.element_instance_key
            case processes.ProcessStarted():
                self.keys["processInstance"] = event.process_instance_key
            case jobs.JobCreated():
                self.jobs[event.job_key] = event
                self.retries[event.job_key] = event.retries
                self.keys[f"job{len(self.jobs)}"] = event.job_key
            case jobs.IncidentCreated():
                self.incidents[event.incident_key] = event
                self.keys[f"incident{len(self.incidents)}"] = event.incident_key
            case jobs.JobFailed() | jobs.JobRetriesUpdated():
                self.retries[event.job_key] = event.retries
            case _:
                pass

    def _record(self, event: Event) -> list[dict[str, Any]]:
        match event:
            case processes.VariableSet():
                return [
                    {
                        "valueType": "VARIABLE",
                        "intent": "CREATED" if event.created else "UPDATED",
                        "name": event.name,
                        "value": json.dumps(event.value),
                        "scope": self._alias(event.scope_key),
                    }
                ]
            case jobs.IncidentCreated() | jobs.IncidentResolved():
                return [self._incident_record(event)]
            case tasks.TransitionRetried() | tasks.WaiterJoined():
                return []
            case _ if isinstance(event, tasks.TaskEvent):
                return [self._task_record(event)]
            case _ if isinstance(event, jobs.JobCreated) or type(event) in JOB_INTENTS:
                return [self._job_record(event)]
            case _:
                return []

    def _task_record(self, event: Any) -> dict[str, Any]:
        intent = event.type.removeprefix("user_task.").upper()
        if isinstance(event, tasks.TransitionDenied):
            intent = f"{event.transition.upper()}_DENIED"
        record = {
            "valueType": "USER_TASK",
            "intent": intent,
            "key": "task",
            "action": getattr(event, "action", ""),
            "changedAttributes": sorted(RECORD_NAMES[n] for n in getattr(event, "changed", ())),
        }
        attributes: Attributes = event.attributes
        for name, label in RECORD_NAMES.items():
            value = getattr(event if name == "variables" else attributes, name, None)
            if value or name in ("assignee", "priority"):
                record[label] = list(value) if isinstance(value, tuple) else value
        if getattr(event, "reason", ""):
            record["deniedReason"] = event.reason
        return record

    def _job_record(self, event: Any) -> dict[str, Any]:
        created = self.jobs[event.job_key]
        record: dict[str, Any] = {
            "valueType": "JOB",
            "intent": JOB_INTENTS.get(type(event), "CREATED"),
            "key": self._alias(event.job_key),
            "type": created.job_type,
            "jobListenerEventType": (created.listener_event or "").upper(),
            "retries": self.retries[event.job_key],
        }
        if event is created:
            record["customHeaders"] = self._headers(event.headers, event.task)
        if getattr(event, "error_message", ""):
            record["errorMessage"] = event.error_message
        if isinstance(event, jobs.JobCompleted):
            result: dict[str, Any] = {}
            if event.result.denied:
                result = {"denied": True, "deniedReason": event.result.denied_reason}
            if event.result.corrections:
                result["correctedAttributes"] = sorted(
                    RECORD_NAMES[name] for name in event.result.corrections
                )
            record |= {"result": result} if result else {}
        return record

    def _incident_record(self, event: Any) -> dict[str, Any]:
        created = self.incidents[event.incident_key]
        return {
            "valueType": "INCIDENT",
            "intent": "CREATED" if event is created else "RESOLVED",
            "key": self._alias(event.incident_key),
            "errorType": created.error_type.value,
            "errorMessage": created.message,
            "elementId": created.element_id,
            "jobKey": None if created.job_key is None else self._alias(created.job_key),
        }

    def _rejected(self, rejection: Rejection, told: dict[str, Any]) -> list[dict[str, Any]]:
        kinds = {
            "completeJob": "JOB",
            "failJob": "JOB",
            "updateJob": "JOB",
            "resolveIncident": "INCIDENT",
        }
        value_type = kinds.get(told["do"], "USER_TASK")
        if told["do"] in ("setVariables", "cancelProcessInstance"):
            return []
        key = told.get("job") or told.get("incident") or "task"
        reason = rejection_detail(rejection).partition(": ")[2]
        return [
            {
                "valueType": value_type,
                "intent": rejection.intent,
                "rejected": True,
                "key": key,
                "rejectionType": rejection.type.value,
                "rejectionReason": self._aliased(reason).strip(),
            }
        ]

    def _alias(self, key: int) -> str:
        return next(alias for alias, each in self.keys.items() if each == key)

    def _aliased(self, text: str) -> str:
        for alias, key in self.keys.items():
            text = text.replace(str(key), f"<{alias}>")
        return text


def expected_records(trace: dict[str, Any]) -> list[dict[str, Any]]:
    """The records that count, with what has no order sorted."""
    kept = []
    for record in trace["records"]:
        if record["valueType"] in ("PROCESS_INSTANCE", "VARIABLE_DOCUMENT"):
            continue
        if (record["valueType"], record["intent"]) == ("JOB", "UPDATED"):
            continue
        kept.append(_sorted(record))
    return kept


def _sorted(record: dict[str, Any]) -> dict[str, Any]:
    record = dict(record)
    for name in ("changedAttributes",):
        if name in record:
            record[name] = sorted(record[name])
    if "correctedAttributes" in record.get("result", {}):
        result = record["result"]
        record["result"] = {**result, "correctedAttributes": sorted(result["correctedAttributes"])}
    if record.get("result", {}).get("denied"):
        record["result"] = {"deniedReason": "", **record["result"]}
    if "rejectionReason" in record:
        record["rejectionReason"] = record["rejectionReason"].strip()
    return record


def expected_answers(trace: dict[str, Any]) -> list[dict[str, Any]]:
    kept = []
    for answer in trace["answers"]:
        each = {name: value for name, value in answer.items() if name != "status"}
        if "text" in each:
            each["text"] = each["text"].strip()
        kept.append(each)
    return kept


def by_value_type(records: list[dict[str, Any]], *value_types: str) -> list[dict[str, Any]]:
    return [record for record in records if record["valueType"] in value_types]


@pytest.fixture(params=sorted(TRACES.glob("*.json")), ids=lambda path: path.stem)
def replay(request: pytest.FixtureRequest) -> Replay:
    done = Replay(json.loads(request.param.read_text()))
    done.run()
    return done


def test_trace_has_the_same_records(replay: Replay) -> None:
    expected = expected_records(replay.trace)

    for value_types in (("USER_TASK", "JOB", "INCIDENT"), ("VARIABLE",)):
        assert by_value_type(expected, *value_types) == by_value_type(replay.records, *value_types)


def test_trace_has_the_same_answers(replay: Replay) -> None:
    assert expected_answers(replay.trace) == replay.answers


def test_trace_replays_from_its_events_alone(replay: Replay) -> None:
    instances, settings = replay.bench.replayed()

    assert instances == replay.bench.world.instances
    assert settings == replay.bench.world.settings


def test_all_traces_are_here() -> None:
    assert len(list(TRACES.glob("*.json"))) == 13

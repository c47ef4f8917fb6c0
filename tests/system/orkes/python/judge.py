"""The published client against a running product.

    python judge.py FRONT BACK PREFIX

People use the gateway FRONT, workers the gateway BACK; PREFIX begins every name that is made. One
line of JSON for each scenario, {"scenario", "error"}: the error is null if all was well. The client
has nothing for human tasks but a builder, so that people here do their work by plain HTTP.
"""

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import httpx
import pytest
from conductor.client.automator.task_runner import TaskRunner
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models import StartWorkflowRequest, TaskDef, TaskResult, Workflow
from conductor.client.http.models.task_result_status import TaskResultStatus
from conductor.client.http.rest import ApiException
from conductor.client.orkes_clients import OrkesClients
from conductor.client.worker.worker import Worker
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.human_task import HumanTask
from conductor.client.workflow.task.set_variable_task import SetVariableTask
from conductor.client.workflow.task.simple_task import SimpleTask
from conductor.client.workflow.task.switch_task import SwitchTask
from conductor.client.workflow.task.terminate_task import TerminateTask, WorkflowStatus

UNKNOWN = "00000000-0000-1000-8000-000000000000"
SECONDS = 40
T = TypeVar("T")


def score(customer: str) -> dict[str, object]:
    """What a worker does."""
    return {"score": 7, "good": "no" if customer == "mallory" else "yes"}


def pay(by: str) -> dict[str, object]:
    return {"by": by}


class Clients:
    """Everything that talks to one gateway."""

    def __init__(self, url: str, prefix: str) -> None:
        self.prefix = prefix
        self.configuration = Configuration(base_url=url)
        clients = OrkesClients(self.configuration)
        self.workflows = clients.get_workflow_client()
        self.tasks = clients.get_task_client()
        self.metadata = clients.get_metadata_client()
        self.executor = clients.get_workflow_executor()
        self.http = httpx.Client(base_url=f"{url}/api", timeout=30)

    def workflow(self, name: str, *tasks: Any) -> ConductorWorkflow:
        made = ConductorWorkflow(executor=self.executor, name=f"{self.prefix}{name}", version=1)
        for each in tasks:
            made >>= each
        return made

    def start(self, workflow: ConductorWorkflow, **given: object) -> str:
        workflow.register(overwrite=True)
        request = StartWorkflowRequest(name=workflow.name, version=1, input=given)
        return str(self.workflows.start_workflow(request))

    def human_task(self, workflow_id: str) -> dict[str, Any]:
        """The open human task of a workflow, waited for."""
        query = {"workflowIds": [workflow_id], "states": ["ASSIGNED"]}

        def found() -> dict[str, Any] | None:
            answer = self.http.post("/human/tasks/search", json=query).raise_for_status()
            return next(iter(answer.json()["results"]), None)

        return until(found)

    def ended(self, workflow_id: str) -> Workflow:
        def done() -> Workflow | None:
            seen = self.workflows.get_workflow(workflow_id, include_tasks=True)
            return None if seen.status == "RUNNING" else seen

        return until(done)


def until(look: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + SECONDS
    while (seen := look()) is None:
        assert time.monotonic() < deadline, f"still waiting after {SECONDS} s"
        time.sleep(0.05)
    return seen


def refused(status: int, call: Callable[[], object]) -> str:
    """The message of a refusal, which must have this status."""
    with pytest.raises(ApiException) as raised:
        call()
    body = json.loads(str(raised.value.body))
    assert raised.value.status == status == body["status"], body
    return str(body["message"])


def whole_way(people: Clients, worker: Clients) -> None:
    types = {"score": f"{people.prefix}score", "pay": f"{people.prefix}pay"}
    for each in types.values():
        people.metadata.register_task_def(TaskDef(name=each, retry_count=1, timeout_seconds=60))
    loan = people.workflow(
        "loan",
        SimpleTask(types["score"], "score_ref").input_parameter(
            "customer", "${workflow.input.customer}"
        ),
        SetVariableTask("keep_ref").input_parameter("score", "${score_ref.output.score}"),
        SwitchTask("which_ref", "${score_ref.output.good}")
        .switch_case("yes", [HumanTask("approve_ref")])
        .default_case([TerminateTask("stop_ref", WorkflowStatus.FAILED, "a bad score")]),
        SimpleTask(types["pay"], "pay_ref").input_parameter("by", "${approve_ref.output.by}"),
    )
    loan.output_parameters({"score": "${workflow.variables.score}", "by": "${pay_ref.output.by}"})
    for kind, work in ((types["score"], score), (types["pay"], pay)):
        runner = TaskRunner(Worker(kind, cast("Any", work), poll_interval=50), worker.configuration)
        # TaskHandler runs the same in processes, which take seconds to start.
        threading.Thread(target=runner.run, daemon=True).start()
    good, bad = people.start(loan, customer="alice"), people.start(loan, customer="mallory")
    task = people.human_task(good)
    path = f"/human/tasks/{task['taskId']}"
    claimed = people.http.post(f"{path}/claim").raise_for_status().json()
    assert claimed["claimant"] == {"userType": "CONDUCTOR_USER", "user": "demo"}, claimed
    people.http.post(f"{path}/update?complete=true", json={"by": "bob"}).raise_for_status()
    done, failed = people.ended(good), people.ended(bad)
    assert (done.status, done.output) == ("COMPLETED", {"score": 7, "by": "bob"}), done
    kinds = [(each.reference_task_name, each.status) for each in done.tasks or []]
    names = ("score_ref", "keep_ref", "which_ref", "approve_ref", "pay_ref")
    assert kinds == [(name, "COMPLETED") for name in names], kinds
    assert (failed.status, failed.reason_for_incompletion) == ("FAILED", "a bad score"), failed


def polling(people: Clients, worker: Clients) -> None:
    kind = f"{people.prefix}polled"
    people.metadata.register_task_def(
        TaskDef(name=kind, retry_count=1, retry_delay_seconds=0, timeout_seconds=60)
    )
    flow = people.workflow("polling", SimpleTask(kind, "polled_ref").input_parameter("a", 1))

    def result_of(task: Any, status: str, **output: object) -> TaskResult:
        made = TaskResult(
            task_id=task.task_id, workflow_instance_id=task.workflow_instance_id, status=status
        )
        made.output_data = output
        return made

    first = people.start(flow)
    # A poll that is not told to wait looks for a tenth of a second: a busy machine may need more.
    task = until(lambda: worker.tasks.poll_task(kind))
    assert (task.workflow_instance_id, task.input_data) == (first, {"a": 1}), task
    assert worker.tasks.get_task(task.task_id).status == "IN_PROGRESS"
    worker.tasks.update_task(result_of(task, "FAILED"))
    [again] = until(lambda: worker.tasks.batch_poll_tasks(kind, "w", 1, 5000) or None)
    assert again.workflow_instance_id == first, again
    worker.tasks.update_task(result_of(again, "COMPLETED", done=True))
    assert people.ended(first).status == "COMPLETED"

    second = people.start(flow)
    worker.tasks.update_task_by_ref_name(
        second, "polled_ref", TaskResultStatus.FAILED, {"why": "no paper"}
    )
    [last] = until(lambda: worker.tasks.batch_poll_tasks(kind, "w", 1, 5000) or None)
    worker.tasks.update_task(result_of(last, "FAILED_WITH_TERMINAL_ERROR"))
    assert people.ended(second).status == "FAILED"
    assert worker.tasks.batch_poll_tasks(kind, "w", 1, 10) == []


def by_reference(people: Clients, _: Clients) -> None:
    workflow_id = people.start(people.workflow("reference", HumanTask("check_ref", "Check it")))
    task = people.human_task(workflow_id)
    assert task["displayName"] == "Check it", task
    people.tasks.update_task_by_ref_name(
        workflow_id, "check_ref", TaskResultStatus.COMPLETED, {"ok": True}
    )
    assert people.ended(workflow_id).status == "COMPLETED"
    seen = people.http.get(f"/human/tasks/{task['taskId']}").raise_for_status().json()
    assert (seen["state"], seen["output"]) == ("COMPLETED", {"result": {"ok": True}}), seen


def terminate(people: Clients, _: Clients) -> None:
    workflow_id = people.start(people.workflow("terminate", HumanTask("check_ref")))
    task = people.human_task(workflow_id)
    people.workflows.terminate_workflow(workflow_id, "no longer wanted")
    seen = people.ended(workflow_id)
    said = (seen.status, seen.reason_for_incompletion)
    assert said == ("TERMINATED", "no longer wanted"), seen
    gone = people.http.get(f"/human/tasks/{task['taskId']}").json()
    assert gone["state"] == "DELETED", gone


def definitions(people: Clients, _: Clients) -> None:
    flow = people.workflow("defined", HumanTask("check_ref"))
    flow.register(overwrite=True)
    flow.register(overwrite=True)
    kept = cast("Any", people.metadata.get_workflow_def(flow.name, 1))
    assert [each.task_reference_name for each in kept.tasks] == ["check_ref"], kept
    everything = cast("list[Any]", people.metadata.get_all_workflow_defs())
    assert flow.name in {each.name for each in everything}
    people.metadata.unregister_workflow_def(flow.name, 1)
    refused(404, lambda: people.metadata.get_workflow_def(flow.name, 1))


def unknown(people: Clients, _: Clients) -> None:
    refused(404, lambda: people.workflows.get_workflow(UNKNOWN))
    refused(404, lambda: people.workflows.terminate_workflow(UNKNOWN, "why"))
    refused(404, lambda: people.tasks.get_task(UNKNOWN))
    nothing = StartWorkflowRequest(name=f"{people.prefix}nothing")
    refused(404, lambda: people.workflows.start_workflow(nothing))


SCENARIOS: Mapping[str, Callable[[Clients, Clients], None]] = {
    "a workflow with a worker and a person": whole_way,
    "polling": polling,
    "a human task by its reference": by_reference,
    "terminate": terminate,
    "definitions": definitions,
    "unknown ids": unknown,
}


def main() -> None:
    front, back, prefix = sys.argv[1:]
    people, worker = Clients(front, prefix), Clients(back, prefix)
    for scenario, play in SCENARIOS.items():
        error = None
        try:
            play(people, worker)
        except Exception:  # noqa: BLE001 - whatever it is, it is what the test shows
            error = traceback.format_exc()
        print(json.dumps({"scenario": scenario, "error": error}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
    # The workers' loops have no end.
    os._exit(0)

"""What people do with tasks, through the published client: each story end to end."""

import datetime as dt
from typing import Any

import httpx
import pytest
from camunda_orchestration_sdk import CamundaAsyncClient, models
from camunda_orchestration_sdk.errors import (
    BadRequestError,
    ConflictError,
    NotFoundError,
    ServiceUnavailableError,
)
from camunda_orchestration_sdk.semantic_types import UserTaskKey

from tests.support.processes import until
from tests.system.conftest import Product
from tests.system.jobs import answering, corrected, denied
from tests.system.modelling import deploy, open_task, start, task_of, user_task

pytestmark = pytest.mark.system

UTC = dt.UTC


def claim(person: str) -> models.UserTaskAssignmentRequest:
    return models.UserTaskAssignmentRequest(assignee=person, allow_override=False)


def change(**values: Any) -> models.UserTaskUpdateRequest:
    return models.UserTaskUpdateRequest(changeset=models.Changeset(**values))


async def test_a_modelled_task_is_found_at_once_with_everything_the_model_says(
    camunda: CamundaAsyncClient, unique: str
) -> None:
    modelled = """
        <zeebe:assignmentDefinition candidateGroups="finance, audit" candidateUsers="=[boss]"/>
        <zeebe:taskSchedule dueDate="2031-05-06T07:08:09+02:00"/>
        <zeebe:priorityDefinition priority="=40 + 2"/>
        <zeebe:taskHeaders><zeebe:header key="colour" value="red"/></zeebe:taskHeaders>"""
    element = user_task(extensions=modelled)

    instance = await start(camunda, unique, element, boss="kim")

    task = await task_of(camunda, instance.process_instance_key)
    assert task.state == "CREATED"
    assert task.name == "The review"
    assert task.candidate_groups == ["finance", "audit"]
    assert task.candidate_users == ["kim"]
    assert task.priority == 42
    assert task.due_date == dt.datetime(2031, 5, 6, 5, 8, 9, tzinfo=UTC)
    assert task.custom_headers.to_dict() == {"colour": "red"}
    assert (await camunda.get_user_task(task.user_task_key)).to_dict() == task.to_dict()


async def test_a_deployed_form_is_shown_and_a_task_without_one_has_none(
    camunda: CamundaAsyncClient, http: httpx.AsyncClient, unique: str
) -> None:
    form = f'{{"components":[],"type":"default","id":"{unique}-form"}}'
    [deployed] = await deploy(camunda, ask_form=form.encode())
    element = user_task(extensions=f'<zeebe:formDefinition formId="{unique}-form"/>')
    with_form = await start(camunda, unique, element)
    without = await open_task(camunda, f"{unique}-bare")

    task = await task_of(camunda, with_form.process_instance_key)
    shown = await camunda.get_user_task_form(task.user_task_key)

    assert deployed.form is not None
    assert shown is not None
    assert shown.schema == form
    assert shown.form_key == task.form_key == deployed.form.form_key
    # The client itself stumbles over a 204 here.
    assert (await http.get(f"/v2/user-tasks/{without.user_task_key}/form")).status_code == 204
    unknown = await http.post("/v2/user-tasks", json={"formId": f"{unique}-nope"})
    assert (unknown.status_code, unknown.json()["title"]) == (404, "NOT_FOUND")
    assert f"form ID '{unique}-nope'" in unknown.json()["detail"]


async def test_other_files_are_kept_and_given_back(
    camunda: CamundaAsyncClient, unique: str
) -> None:
    files = {f"{unique}_rpa": b'{"steps": [1]}', f"{unique}_txt": "Grüße\n".encode()}
    first = [each.resource for each in await deploy(camunda, **files)]
    files[f"{unique}_txt"] += b"again"
    robot, note = (each.resource for each in await deploy(camunda, **files))

    assert [each.version for each in first if each] == [1, 1]
    assert robot is not None
    assert note is not None
    shown = await camunda.get_resource(note.resource_key)
    assert (shown.resource_name, shown.resource_id, shown.version) == (
        f"{unique}.txt",
        note.resource_id,
        2,
    )
    whole = await camunda.get_resource_content_binary(note.resource_key)
    assert whole.payload.read() == files[f"{unique}_txt"]
    assert (await camunda.get_resource_content(robot.resource_key)).to_dict() == {"steps": [1]}


async def test_of_two_who_claim_one_gets_the_task(camunda: CamundaAsyncClient, unique: str) -> None:
    task = await open_task(camunda, unique)
    key = task.user_task_key

    await camunda.assign_user_task(key, data=claim("ann"))
    with pytest.raises(ConflictError, match="but it has already been assigned"):
        await camunda.assign_user_task(key, data=claim("bob"))

    assert (await camunda.get_user_task(key)).assignee == "ann"
    await camunda.unassign_user_task(key)
    await camunda.unassign_user_task(key)
    assert (await camunda.get_user_task(key)).assignee is None
    await camunda.assign_user_task(key, data=claim("bob"))
    assert (await camunda.get_user_task(key)).assignee == "bob"


async def test_an_update_takes_effect_as_the_listener_corrected_it(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    task = await open_task(camunda, unique, ("updating", f"{unique}-check"))
    monday = dt.datetime(2031, 5, 5, 9, tzinfo=UTC)
    correction = corrected(priority=80, due_date=monday, candidate_groups=["managers"])

    async with answering(worker, f"{unique}-check", lambda _job: correction) as seen:
        await camunda.update_user_task(task.user_task_key, data=change(priority=99))

    assert [job.listener_event_type for job in seen] == ["UPDATING"]
    asked = seen[0].user_task
    assert asked is not None
    assert asked.priority == 99
    assert asked.changed_attributes == ["priority"]
    now = await camunda.get_user_task(task.user_task_key)
    assert (now.priority, now.due_date, now.candidate_groups) == (80, monday, ["managers"])
    assert now.state == "CREATED"


async def test_a_second_listener_sees_what_the_first_corrected(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    first, second = f"{unique}-first", f"{unique}-second"
    task = await open_task(camunda, unique, ("assigning", first), ("assigning", second))

    async with (
        answering(worker, first, lambda _job: corrected(assignee="bob")),
        answering(worker, second, lambda _job: None) as seen,
    ):
        await camunda.assign_user_task(task.user_task_key, data=claim("ann"))

    asked = seen[0].user_task
    assert asked is not None
    assert asked.assignee == "bob"
    assert (await camunda.get_user_task(task.user_task_key)).assignee == "bob"


@pytest.mark.parametrize(
    ("event", "name"),
    [("assigning", "Assignment"), ("updating", "Update"), ("completing", "Completion")],
)
async def test_a_denial_is_409_with_its_reason_and_the_task_is_as_before(
    camunda: CamundaAsyncClient,
    worker: CamundaAsyncClient,
    unique: str,
    event: str,
    name: str,
) -> None:
    task = await open_task(camunda, unique, (event, f"{unique}-check"))
    calls = {
        "assigning": lambda: camunda.assign_user_task(task.user_task_key, data=claim("ann")),
        "updating": lambda: camunda.update_user_task(task.user_task_key, data=change(priority=1)),
        "completing": lambda: camunda.complete_user_task(task.user_task_key),
    }

    async with answering(worker, f"{unique}-check", lambda _job: denied("over quota")):
        with pytest.raises(ConflictError) as caught:
            await calls[event]()

    assert f"{name} of the User Task" in str(caught.value)
    assert "was denied by Task Listener. Reason to deny: 'over quota'" in str(caught.value)
    assert (await camunda.get_user_task(task.user_task_key)).to_dict() == task.to_dict()


async def test_completion_carries_variables_and_action_and_ends_the_process(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    task = await open_task(camunda, unique, ("completing", f"{unique}-check"), amount=12)
    variables = models.UserTaskCompletionRequestVariables.from_dict({"approved": True})
    request = models.UserTaskCompletionRequest(variables=variables, action="approve")

    async with answering(worker, f"{unique}-check", lambda _job: None) as seen:
        await camunda.complete_user_task(task.user_task_key, data=request)

    asked = seen[0].user_task
    assert asked is not None
    assert asked.action == "approve"
    assert seen[0].variables.to_dict() == {"amount": 12, "approved": True}
    ended = await camunda.get_process_instance(task.process_instance_key)
    assert ended.state == "COMPLETED"
    done = await camunda.get_user_task(task.user_task_key)
    assert done.state == "COMPLETED"
    assert done.completion_date is not None
    with pytest.raises(NotFoundError):
        await camunda.complete_user_task(task.user_task_key)
    assert await variables_of(camunda, task) == {"amount": "12", "approved": "true"}


async def variables_of(camunda: CamundaAsyncClient, task: models.UserTaskResult) -> dict[str, str]:
    found = await camunda.search_user_task_effective_variables(task.user_task_key)
    return {each.name: each.value for each in found.items}


async def test_setting_variables_asks_the_listeners_of_updates(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    task = await open_task(camunda, unique, ("updating", f"{unique}-check"), colour="red")
    values = models.SetVariableRequestVariables.from_dict({"colour": "blue", "size": [1, None]})

    async with answering(worker, f"{unique}-check", lambda _job: corrected(priority=7)) as seen:
        await camunda.create_element_instance_variables(
            task.element_instance_key, data=models.SetVariableRequest(variables=values)
        )

    asked = seen[0].user_task
    assert asked is not None
    assert asked.changed_attributes == ["variables"]
    assert seen[0].variables.to_dict() == {"colour": "blue", "size": [1, None]}
    assert await variables_of(camunda, task) == {"colour": '"blue"', "size": "[1,null]"}
    assert (await camunda.get_user_task(task.user_task_key)).priority == 7


async def test_a_local_variable_shadows_one_of_the_process(
    camunda: CamundaAsyncClient, unique: str
) -> None:
    task = await open_task(camunda, unique, colour="red")
    values = models.SetVariableRequestVariables.from_dict({"colour": "blue"})
    request = models.SetVariableRequest(variables=values, local=True)

    await camunda.create_element_instance_variables(task.element_instance_key, data=request)

    effective = await variables_of(camunda, task)
    every = await camunda.search_user_task_variables(task.user_task_key)
    assert effective == {"colour": '"blue"'}
    assert sorted((each.scope_key, each.value) for each in every.items) == [
        (task.process_instance_key, '"red"'),
        (task.element_instance_key, '"blue"'),
    ]
    one = await camunda.get_variable(every.items[0].variable_key)
    assert one.value == every.items[0].value


async def test_canceling_asks_its_listeners_and_ends_the_task(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    task = await open_task(camunda, unique, ("canceling", f"{unique}-bye"))
    request = models.CancelProcessInstanceRequest()

    async def canceled() -> bool:
        return bool((await camunda.get_user_task(task.user_task_key)).state == "CANCELED")

    async with answering(worker, f"{unique}-bye", lambda _job: None) as seen:
        await camunda.cancel_process_instance(task.process_instance_key, data=request)

        with pytest.raises(NotFoundError):
            await camunda.cancel_process_instance(task.process_instance_key, data=request)

        await until(canceled, 60, "the task is canceled")

    assert [job.listener_event_type for job in seen] == ["CANCELING"]
    ended = await camunda.get_process_instance(task.process_instance_key)
    assert ended.state == "TERMINATED"


async def test_what_the_client_is_told_about_the_cluster(
    camunda: CamundaAsyncClient, product: Product
) -> None:
    topology = await camunda.get_topology()
    license_ = await camunda.get_license()
    me = await camunda.get_authentication()

    await camunda.get_status()
    owned = [each.partition_id for broker in topology.brokers for each in broker.partitions]
    assert sorted(owned) == list(range(1, topology.partitions_count + 1))
    assert all(broker.host and broker.port > 0 for broker in topology.brokers)
    assert license_.valid_license is False
    assert me.username == "demo"


async def test_unknown_keys_and_wrong_values_raise_the_errors_of_the_client(
    camunda: CamundaAsyncClient, unique: str
) -> None:
    task = await open_task(camunda, unique)

    with pytest.raises(NotFoundError, match="no such user task was found"):
        await camunda.update_user_task(UserTaskKey("2251799813685240999"), data=change(priority=1))
    with pytest.raises(BadRequestError, match="priority"):
        await camunda.update_user_task(task.user_task_key, data=change(priority=101))
    with pytest.raises(BadRequestError, match="changeset"):
        await camunda.update_user_task(task.user_task_key)
    with pytest.raises((NotFoundError, ServiceUnavailableError)):
        await camunda.get_user_task(UserTaskKey("1"))
